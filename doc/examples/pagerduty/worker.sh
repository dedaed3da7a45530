#!/bin/sh
# Fails on request, so that there is something to post:
# watchbot send --queue sqlite:jobs.db 'no such file'
echo "working on '$Message'"
case $Message in
  no*) echo "cannot find it" >&2; exit 3 ;;
esac
