--- cli.project.worker: the program that does the work of a new project.

local text = [==[
#!/bin/sh
# Does the work for one message, passed in the environment: $Message, $Subject, $MessageId and more.
# Exit codes: 0 done; 3 rejected, delete the message and send a notification; 75 not now, try again
# later (see policy.lua); anything else failed, retry and send a notification.
set -eu

case $Message in
  "")
    echo "the message is empty: nothing to do" >&2
    exit 3
    ;;
esac

echo "working on $Message"
]==]

return { path = "worker", executable = true, process = text, task = text }
