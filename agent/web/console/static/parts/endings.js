// How a call ended, in words that fit beside a bar. Pure.

export const ENDINGS = {
  "caller hung up": "Caller hung up",
  "connection lost": "Connection lost",
  "agent said goodbye": "Agent said goodbye",
  "caller silent": "Caller fell silent",
  transferred: "Handed to a colleague",
  "time limit": "Time was up",
  budget: "Budget spent",
  "hung up": "Ended by a colleague",
  machine: "Answered by a machine",
  shutdown: "Server stopped",
  failed: "Ended by a fault",
  interrupted: "Server was gone",
};

export const inWords = (ending) => ENDINGS[ending] || ending || "Over";
