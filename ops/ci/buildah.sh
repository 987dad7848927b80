# shellcheck shell=bash
# Sourced by the image's scripts: buildah with a store of its own, that any root can use without configuration.
IMAGE=${IMAGE:-localhost/calling-agent:latest}
IMAGE_CACHE=${IMAGE_CACHE:-/var/tmp/calling-agent-image}
[ "$(id -u)" = 0 ] || { echo "${0##*/}: needs root, to make a file system and to change into it: sudo $0" >&2; exit 1; }
command -v buildah >/dev/null || { echo "${0##*/}: no buildah here: ops/ci/apt-packages installs it" >&2; exit 1; }
mkdir -p "$IMAGE_CACHE/tmp"

export BUILDAH_ISOLATION=chroot TMPDIR=$IMAGE_CACHE/tmp
# Layers are mounted one over the other where the kernel does that here, and copied where it does not.
store() {
  local command=$1
  shift
  buildah --root "$IMAGE_CACHE/$layers" --runroot "$IMAGE_CACHE/run-$layers" --storage-driver "$layers" "$command" "$@"
}

layers=overlay
trial=$(mktemp -d "$IMAGE_CACHE/trial.XXXXXX")
mkdir "$trial"/{lower,upper,work,top}
mount -t overlay overlay -o "lowerdir=$trial/lower,upperdir=$trial/upper,workdir=$trial/work" "$trial/top" 2>/dev/null &&
  umount "$trial/top" || layers=vfs
rm -rf "$trial"
