#!/bin/sh
# The three steps of a map-reduce job, told apart by the message's Subject. Each may run more than
# once, as every task may, and does no harm then. Counts are kept in files here; where tasks run on
# several machines, that is S3.
set -eu

# Each line of the input becomes a message with the Subject $1.
send() {
  if [ -n "${WorkTopic:-}" ]; then
    watchbot send --topic "$WorkTopic" --subject "$1"
  else
    watchbot send --subject "$1" # to $QueueUrl, which the watcher has set
  fi
}

# The job's id is that of this message: split again, it is the same job.
split() {
  job=$MessageId text=$Message
  [ -s "$text" ] || { echo "no text in '$text'" >&2; exit 65; }
  total=$(grep -c '' "$text")
  watchbot progress set-total "$job" --total "$total"
  seq "$total" | sed "s|.*|$job & $text|" | send map
}

map() {
  read -r job part text
  case $(watchbot progress status "$job" --brief) in
    *'"failed":'*) echo "job $job has failed, part $part is not wanted any more"; exit 0 ;;
  esac
  mkdir -p "counts/$job"
  sed -n "${part}p" "$text" | wc -w >"counts/$job/.$part.$$"
  mv "counts/$job/.$part.$$" "counts/$job/$part"
  last=$(watchbot progress complete-part "$job" --part "$part")
  if [ "$last" = true ]; then finish "$job"; fi
}

# Sent first, noted then: a worker that dies between the two sends it again, which does less harm
# than never.
finish() {
  case $(watchbot progress status "$1" --brief) in
    *'"reduceSent":true'*) return ;;
  esac
  echo "$1" | send reduce
  watchbot progress reduce-sent "$1"
}

reduce() {
  cat "counts/$Message"/* | awk '{ words += $1 } END { print words }' >words.$$
  mv words.$$ words
  echo "$(cat words) words"
}

case ${Subject:-} in
  split) split ;;
  map) printf '%s\n' "$Message" | map ;;
  reduce) reduce ;;
  *) echo "Subject must be split, map or reduce" >&2; exit 3 ;;
esac
