// Whom a call is with, in words. Pure.
import { person as shown } from "../format.js";

// The one we speak to, whoever has called whom.
export function person(call) {
  if (call.softphone) return "softphone";
  return shown((call.direction || "").startsWith("outbound") ? call.called : call.caller);
}
