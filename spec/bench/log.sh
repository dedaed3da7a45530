#!/bin/sh
# How fast watchbot-log is: lines a second against `sed` with a fixed prefix of the same length, and
# its start.
# usage: spec/bench/log.sh BUILD [LINES]
# shellcheck disable=SC2016,SC2034 # best() expands the commands
set -eu
log=$1/watchbot-log
lines=${2:-5000000}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
input=$folder/input
awk -v n="$lines" 'BEGIN {
  for (i = 0; i < n; i++) printf "line %d of the input of a bench of the log\n", i
}' >"$input"

export MessageId=e2c045cc-5606-4950-964b-20877900bccb
unset structuredLogging
prefix="[Thu, 28 Jul 2016 00:12:37 GMT] [worker] [$MessageId] "
starts=500

now() { date +%s%N; }

# The best of three: nanoseconds that a command of the shell takes.
best() {
  least=
  for _ in 1 2 3; do
    from=$(now)
    eval "$1"
    took=$(($(now) - from))
    if [ -z "$least" ] || [ "$took" -lt "$least" ]; then least=$took; fi
  done
  echo "$least"
}

compare() {
  awk -v what="$1" -v own="$2" -v other="$3" -v n="$lines" 'BEGIN {
    printf "%-34s %6.1f million lines/s   sed %5.1f   ratio %.2f\n", what, n * 1e3 / own,
      n * 1e3 / other, other / own
  }'
}

sed_command="LC_ALL=C sed 's/^/$prefix/' \"\$input\""
sed_file=$(best "$sed_command >/dev/null")
sed_pipe=$(best "$sed_command | cat >/dev/null")
compare "watchbot-log, a file" "$(best '"$log" <"$input" >/dev/null')" "$sed_file"
compare "watchbot-log, a file, to a pipe" "$(best '"$log" <"$input" | cat >/dev/null')" "$sed_pipe"
compare "watchbot-log, a pipe, to a pipe" "$(best 'cat "$input" | "$log" | cat >/dev/null')" \
  "$(best "cat \"\$input\" | LC_ALL=C sed 's/^/$prefix/' | cat >/dev/null")"
export structuredLogging=true
compare "watchbot-log, JSON" "$(best '"$log" <"$input" >/dev/null')" "$sed_file"
compare "watchbot-log, JSON, to a pipe" "$(best '"$log" <"$input" | cat >/dev/null')" "$sed_pipe"
unset structuredLogging

own=$(best 'i=0; while [ $i -lt $starts ]; do "$log" x >/dev/null; i=$((i + 1)); done')
true=$(best 'i=0; while [ $i -lt $starts ]; do /bin/true >/dev/null; i=$((i + 1)); done')
awk -v own="$own" -v true="$true" -v n="$starts" 'BEGIN {
  printf "%-34s %6.2f ms from fork to exit   /bin/true %.2f\n", "watchbot-log, start",
    own / n / 1e6, true / n / 1e6
}'
