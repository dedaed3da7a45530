#!/usr/bin/env node
// Starts watchbot, and is to its caller what watchbot is: signals go on to it, and its exit status
// comes back. Node cannot become another program (exec), so in a container, start the program
// itself.
const { spawn } = require("node:child_process");
const { constants } = require("node:os");

const name = `@watchbot/linux-${process.arch}`;
let program;
try {
  program = require.resolve(`${name}/bin/watchbot`);
} catch {
  console.error(
    `watchbot: the package ${name} is not installed; watchbot runs on Linux on x64 and arm64`,
  );
  process.exit(1);
}
const child = spawn(program, process.argv.slice(2), { stdio: "inherit" });
for (const signal of ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT"])
  process.on(signal, () => child.kill(signal));
child.on("error", (error) => {
  console.error(`watchbot: could not start ${program}: ${error.message}`);
  process.exit(1);
});
child.on("exit", (code, signal) => process.exit(signal ? 128 + constants.signals[signal] : code));
