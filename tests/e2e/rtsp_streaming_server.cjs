// npm's rtsp-streaming-server on 127.0.0.1. Usage: rtsp_streaming_server.cjs PORT USERNAME PASSWORD
// Clients connect to PORT, publishers to PORT + 1, RTP takes those from PORT + 2 on. Prints what begins
// to be published and each client that leaves; serves until standard input ends.
"use strict";

const net = require("net");

// it would listen on every address of the machine
const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (port, ...rest) {
  return listen.call(this, port, "127.0.0.1", ...rest);
};

const RtspServer = require("rtsp-streaming-server").default;
const { Mount } = require("rtsp-streaming-server/build/lib/Mount");

const setup = Mount.prototype.setup;
Mount.prototype.setup = async function () {
  await setup.call(this);
  console.log(`recording ${this.path}`);
};

const [port, username, password] = [Number(process.argv[2]), process.argv[3], process.argv[4]];

new RtspServer({
  clientPort: port,
  serverPort: port + 1,
  rtpPortStart: port + 2,
  rtpPortCount: 30,
  clientServerHooks: {
    authentication: async (user, pass) => user === username && pass === password,
    clientClose: async (mount) => console.log(`closed ${mount.path}`),
  },
}).start();

process.stdin.on("end", () => process.exit()).resume();
