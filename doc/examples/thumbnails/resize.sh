#!/bin/sh
# A worker for the demonstration: the message is in the environment, the exit code decides what
# becomes of it.
echo "$Subject $Message, receive $ApproximateReceiveCount"
case $Message in
  *.jpg) echo "thumbnail of $Message made" ;;          # 0: done, the message is deleted
  *.txt) echo "not a picture: $Message" >&2; exit 3 ;; # 3: rejected, deleted and notified
  late-*) [ "$ApproximateReceiveCount" -ge 2 ] || exit 75 ;; # released, comes back silently
  *) echo "cannot read $Message" >&2; exit 1 ;;        # failed, comes back with backoff
esac
