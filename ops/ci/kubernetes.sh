# shellcheck shell=bash
# Sourced by deploy, release and rollback: ENV, its namespace, what runs there, and how long pods may take.
ENV=${1:-}
case $ENV in
  staging | production) ;;
  *) echo "usage: ${0##*/} staging|production${ARGUMENTS:+ $ARGUMENTS}" >&2; exit 2 ;;
esac
command -v kubectl >/dev/null || PATH="$PWD/.venv/bin:$PATH"
command -v kubectl >/dev/null || { echo "${0##*/}: no kubectl here: 'make .venv/.dev' installs one" >&2; exit 2; }

if [ -n "${KUBE_CONFIG:-}" ]; then
  KUBECONFIG=$(umask 077 && mktemp)
  export KUBECONFIG
  trap 'rm -f "$KUBECONFIG"' EXIT
  printf '%s\n' "$KUBE_CONFIG" >"$KUBECONFIG"
fi

DEPLOYMENT=deployment/calling-agent
in_cluster() { kubectl --namespace "calling-agent-$ENV" "$@"; }

# The revision that runs, or was last told to; nothing before the first deploy.
revision() {
  in_cluster get "$DEPLOYMENT" --ignore-not-found \
    --output 'jsonpath={.metadata.annotations.deployment\.kubernetes\.io/revision}'
}

# As long as ten pods take, one after the other; one that does not come up is noticed by the Deployment's own deadline. Old ones
# that still drain are not waited for.
rolled_out() { in_cluster rollout status "$DEPLOYMENT" --timeout "${ROLLOUT_TIMEOUT:-15m}"; }

# For whoever reads the log of a deploy that failed.
say_why() {
  {
    in_cluster get pods --selector app.kubernetes.io/name=calling-agent -o wide
    in_cluster get events --field-selector type=Warning --sort-by .lastTimestamp | tail -15
    in_cluster logs "$DEPLOYMENT" --tail 20 --prefix
  } >&2 || true
}
