#!/bin/sh
# Sends rows through the outbox of a queue file, as writer.py does: writer.sh FILE GROUP FIRST LAST.
# SQLite's shell; one process for all rows.
awk -v group="$2" -v first="$3" -v last="$4" 'BEGIN {
  print ".bail on"
  print ".timeout 60000"
  for (n = first; n <= last; n++) {
    printf "INSERT INTO outbox (body, fifo_group, deduplication_id) ", n
    printf "VALUES (\047%s %d\047, \047%s\047, \047%s-%d\047);\n", group, n, group, group, n
    printf "SELECT %d;\n", n
  }
}' | exec stdbuf -oL sqlite3 "$1"
