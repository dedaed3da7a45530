# bash completion of watchbot; made by `make generated`

_watchbot() {
  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
  local options= words=
  COMPREPLY=()
  if [ "$COMP_CWORD" = 1 ]; then
    COMPREPLY=($(compgen -W 'run listen send message schedule status console pause resume logs health jobs dead-letter queue move worker-capacity progress init check test simulate lua template help --version --help' -- "$word"))
    return
  fi
  case "${COMP_WORDS[1]} $before" in
    'run --queue') COMPREPLY=($(:)); return ;;
    'run --workers') COMPREPLY=($(:)); return ;;
    'run --lambda') COMPREPLY=($(:)); return ;;
    'run --serve') COMPREPLY=($(:)); return ;;
    'run --runtime-api') COMPREPLY=($(:)); return ;;
    'run --batch') COMPREPLY=($(:)); return ;;
    'run --health') COMPREPLY=($(compgen -f -- "$word")); return ;;
    'run --listen') COMPREPLY=($(:)); return ;;
    'run --log') COMPREPLY=($(compgen -W 'text json' -- "$word")); return ;;
    'listen --workers') COMPREPLY=($(:)); return ;;
    'listen --health') COMPREPLY=($(compgen -f -- "$word")); return ;;
    'send --queue') COMPREPLY=($(:)); return ;;
    'send --stack') COMPREPLY=($(:)); return ;;
    'send --prefix') COMPREPLY=($(:)); return ;;
    'send --topic') COMPREPLY=($(:)); return ;;
    'send --from') COMPREPLY=($(compgen -f -- "$word")); return ;;
    'send --subject') COMPREPLY=($(:)); return ;;
    'send --delay') COMPREPLY=($(:)); return ;;
    'send --via') COMPREPLY=($(compgen -W 'scheduler' -- "$word")); return ;;
    'send --scheduler-role') COMPREPLY=($(:)); return ;;
    'send --priority') COMPREPLY=($(:)); return ;;
    'send --attribute') COMPREPLY=($(:)); return ;;
    'send --group') COMPREPLY=($(:)); return ;;
    'send --overflow') COMPREPLY=($(:)); return ;;
    'send --deduplication-id') COMPREPLY=($(:)); return ;;
    'status --stack') COMPREPLY=($(:)); return ;;
    'status --prefix') COMPREPLY=($(:)); return ;;
    'status --queue') COMPREPLY=($(:)); return ;;
    'status --interval') COMPREPLY=($(:)); return ;;
    'console --stack') COMPREPLY=($(:)); return ;;
    'console --prefix') COMPREPLY=($(:)); return ;;
    'console --queue') COMPREPLY=($(:)); return ;;
    'console --listen') COMPREPLY=($(:)); return ;;
    'console --log-group') COMPREPLY=($(:)); return ;;
    'console --allow-host') COMPREPLY=($(:)); return ;;
    'pause --stack') COMPREPLY=($(:)); return ;;
    'pause --prefix') COMPREPLY=($(:)); return ;;
    'pause --queue') COMPREPLY=($(:)); return ;;
    'pause --for') COMPREPLY=($(:)); return ;;
    'pause --by') COMPREPLY=($(:)); return ;;
    'resume --stack') COMPREPLY=($(:)); return ;;
    'resume --prefix') COMPREPLY=($(:)); return ;;
    'resume --queue') COMPREPLY=($(:)); return ;;
    'resume --by') COMPREPLY=($(:)); return ;;
    'logs --stack') COMPREPLY=($(:)); return ;;
    'logs --prefix') COMPREPLY=($(:)); return ;;
    'logs --queue') COMPREPLY=($(:)); return ;;
    'logs --log-group') COMPREPLY=($(:)); return ;;
    'logs --message') COMPREPLY=($(:)); return ;;
    'logs --grep') COMPREPLY=($(:)); return ;;
    'logs --since') COMPREPLY=($(:)); return ;;
    'logs --until') COMPREPLY=($(:)); return ;;
    'health --within') COMPREPLY=($(:)); return ;;
    'jobs --stack') COMPREPLY=($(:)); return ;;
    'jobs --prefix') COMPREPLY=($(:)); return ;;
    'jobs --queue') COMPREPLY=($(:)); return ;;
    'jobs --state') COMPREPLY=($(compgen -W 'waiting delayed running done failed dead' -- "$word")); return ;;
    'jobs --match') COMPREPLY=($(:)); return ;;
    'jobs --since') COMPREPLY=($(:)); return ;;
    'jobs --limit') COMPREPLY=($(:)); return ;;
    'jobs --after') COMPREPLY=($(:)); return ;;
    'jobs --log-group') COMPREPLY=($(:)); return ;;
    'dead-letter --stack') COMPREPLY=($(:)); return ;;
    'dead-letter --prefix') COMPREPLY=($(:)); return ;;
    'dead-letter --queue') COMPREPLY=($(:)); return ;;
    'dead-letter --dead-letter-queue') COMPREPLY=($(:)); return ;;
    'dead-letter --log-group') COMPREPLY=($(:)); return ;;
    'dead-letter --id') COMPREPLY=($(:)); return ;;
    'dead-letter --from') COMPREPLY=($(compgen -f -- "$word")); return ;;
    'dead-letter --match') COMPREPLY=($(:)); return ;;
    'dead-letter --limit') COMPREPLY=($(:)); return ;;
    'dead-letter --rate') COMPREPLY=($(:)); return ;;
    'dead-letter --visibility') COMPREPLY=($(:)); return ;;
    'move --from') COMPREPLY=($(:)); return ;;
    'move --to') COMPREPLY=($(:)); return ;;
    'move --rate') COMPREPLY=($(:)); return ;;
    'worker-capacity --stack') COMPREPLY=($(:)); return ;;
    'worker-capacity --prefix') COMPREPLY=($(:)); return ;;
    'worker-capacity --cluster') COMPREPLY=($(:)); return ;;
    'worker-capacity --task-definition') COMPREPLY=($(:)); return ;;
    'worker-capacity --capacity-provider') COMPREPLY=($(:)); return ;;
    'progress --total') COMPREPLY=($(:)); return ;;
    'progress --part') COMPREPLY=($(:)); return ;;
    'progress --metadata') COMPREPLY=($(:)); return ;;
    'progress --reason') COMPREPLY=($(:)); return ;;
    'progress --table') COMPREPLY=($(:)); return ;;
    'progress --stack') COMPREPLY=($(:)); return ;;
    'progress --prefix') COMPREPLY=($(:)); return ;;
    'progress --queue') COMPREPLY=($(:)); return ;;
    'init --mode') COMPREPLY=($(compgen -W 'process task' -- "$word")); return ;;
    'init --lambda') COMPREPLY=($(compgen -W 'python node' -- "$word")); return ;;
    'test --message') COMPREPLY=($(:)); return ;;
    'test --body-file') COMPREPLY=($(compgen -f -- "$word")); return ;;
    'test --subject') COMPREPLY=($(:)); return ;;
    'test --attribute') COMPREPLY=($(:)); return ;;
    'test --group') COMPREPLY=($(:)); return ;;
    'test --receives') COMPREPLY=($(:)); return ;;
    'test --exit') COMPREPLY=($(:)); return ;;
    'test --signal') COMPREPLY=($(:)); return ;;
    'test --reason') COMPREPLY=($(:)); return ;;
    'test --expect') COMPREPLY=($(compgen -W 'complete reject release retry bury held queued' -- "$word")); return ;;
    'test --output') COMPREPLY=($(compgen -W 'plain tap junit' -- "$word")); return ;;
    'simulate --from') COMPREPLY=($(compgen -f -- "$word")); return ;;
    'simulate --messages') COMPREPLY=($(:)); return ;;
    'simulate --arrive') COMPREPLY=($(:)); return ;;
    'simulate --run') COMPREPLY=($(:)); return ;;
    'simulate --exit') COMPREPLY=($(:)); return ;;
    'simulate --message') COMPREPLY=($(:)); return ;;
    'simulate --groups') COMPREPLY=($(:)); return ;;
    'simulate --watchers') COMPREPLY=($(:)); return ;;
    'simulate --capacity') COMPREPLY=($(:)); return ;;
    'simulate --seed') COMPREPLY=($(:)); return ;;
    'simulate --price') COMPREPLY=($(:)); return ;;
    'simulate --against') COMPREPLY=($(:)); return ;;
    'simulate --fail-if') COMPREPLY=($(:)); return ;;
    'template --format') COMPREPLY=($(compgen -W 'json yaml' -- "$word")); return ;;
    'template --diff') COMPREPLY=($(compgen -f -- "$word")); return ;;
  esac
  case ${COMP_WORDS[1]} in
    run) options='--queue --workers --lambda --serve --resident --runtime-api --batch --strict --drain --health --listen --log --help' words='' ;;
    listen) options='--workers --health --help' words='' ;;
    send) options='--queue --stack --prefix --topic --from --subject --delay --via --scheduler-role --priority --attribute --group --overflow --deduplication-id --help' words='' ;;
    message) options=' --help' words='' ;;
    schedule) options='--json --help' words='list next run' ;;
    status) options='--stack --prefix --queue --json --watch --interval --help' words='' ;;
    console) options='--stack --prefix --queue --listen --log-group --read-only --allow-host --any-user --help' words='' ;;
    pause) options='--stack --prefix --queue --for --by --help' words='' ;;
    resume) options='--stack --prefix --queue --by --help' words='' ;;
    logs) options='--stack --prefix --queue --log-group --message --grep --since --until --follow --json --raw --help' words='' ;;
    health) options='--ready --within --help' words='' ;;
    jobs) options='--stack --prefix --queue --state --match --since --limit --after --log-group --json --help' words='list show cancel retry' ;;
    dead-letter) options='--stack --prefix --queue --dead-letter-queue --log-group --id --from --match --limit --rate --visibility --dry-run --json --yes --help' words='list show print replay delete purge triage' ;;
    queue) options=' --help' words='salvage' ;;
    move) options='--from --to --rate --help' words='' ;;
    worker-capacity) options='--stack --prefix --cluster --task-definition --capacity-provider --json --help' words='' ;;
    progress) options='--total --part --metadata --reason --brief --table --stack --prefix --queue --help' words='status set-total set-metadata complete-part fail-job reduce-sent' ;;
    init) options='--mode --lambda --systemd --help' words='' ;;
    check) options='--fields --json --help' words='' ;;
    test) options='--message --body-file --subject --attribute --group --receives --exit --signal --timed-out --reason --expect --json --spec --output --help' words='' ;;
    simulate) options='--from --messages --arrive --run --exit --message --groups --watchers --capacity --seed --price --against --fail-if --json --help' words='' ;;
    lua) options=' --help' words='' ;;
    template) options='--format --check --diff --options --help' words='' ;;
    help) words='run listen send message schedule status console pause resume logs health jobs dead-letter queue move worker-capacity progress init check test simulate lua template policy recipes' ;;
  esac
  if [[ $word == -* ]]; then
    COMPREPLY=($(compgen -W "$options" -- "$word"))
  elif [ "$COMP_CWORD" = 2 ] && [ "$words" ]; then
    COMPREPLY=($(compgen -W "$words" -- "$word"))
  else
    COMPREPLY=($(compgen -f -- "$word"))
  fi
}

complete -o filenames -F _watchbot watchbot
