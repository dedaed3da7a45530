#!/bin/sh
# ScheduledTime is in the message's attributes: the night that the report is about, also for a
# retry.
set -eu
time=$(printf '%s' "$MessageAttributes" |
  sed -n 's/.*"ScheduledTime"[^}]*"\([0-9-]*T[0-9:]*Z\)".*/\1/p')
echo "the report of ${time:-now}" > report.txt
