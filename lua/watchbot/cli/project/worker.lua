--- cli.project.worker: the program that does the work of a new project.

local text = [==[
#!/bin/sh
# Does the work for one message, which is in the environment: $Message, $Subject, $MessageId and more.
# Exit codes: 0 done; 3 hopeless, delete the message and tell somebody; 75 not now, try again later (policy.lua says so);
# anything else has failed, and is tried again and notified.
set -eu

case $Message in
  "")
    echo "there is nothing to do in an empty message" >&2
    exit 3
    ;;
esac

echo "working on $Message"
]==]

return { path = "worker", executable = true, process = text, task = text }
