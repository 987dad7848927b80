"""One port: connections in; calls and HTTP answers out. Nobody at the door can end the process."""
