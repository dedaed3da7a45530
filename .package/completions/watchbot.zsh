#compdef watchbot
# zsh completion of watchbot; made by `make generated`

_watchbot() {
  local -a commands
  commands=(
    'run:Watches a queue and runs a task for each message'
    'listen:Runs a command for each message, as ecs-watchbot v4 to v10 does'
    'send:Sends a message, or each line of standard input as one'
    'message:Writes the message of the task that calls it to a file, or to standard output'
    'schedule:Lists the schedules of a policy, or sends the message of one now'
    'status:Shows a queue and its tasks'
    'console:Serves a web page that shows queues, jobs and dead letters'
    'pause:Pauses a queue'
    'resume:Ends a pause of a queue'
    'logs:Shows the log of a stack, or of one message, from CloudWatch Logs'
    'health:Checks a watcher'\''s health file'
    'jobs:Lists, shows, cancels or retries the jobs of a queue'
    'dead-letter:Lists, replays or deletes the messages that failed too often'
    'queue:Recovers a damaged queue file into a new one'
    'move:Moves the messages of a queue to another one'
    'worker-capacity:Shows how many more workers fit into an ECS cluster, and what runs out first'
    'progress:Counts the parts of a map-reduce job, and reports which was the last'
    'init:Creates a working project'
    'check:Loads a policy and prints what it would do'
    'test:Shows what a policy would do with a message and an exit code, or runs specs'
    'simulate:Shows what a policy would do under a load, by simulating hours in seconds'
    'lua:Runs a Lua file with all of watchbot'\''s modules'
    'template:Prints the CloudFormation template that a Lua file describes'
    'help:Prints help on a command or topic'
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  local command=$words[2]
  shift words
  (( CURRENT-- ))
  case $command in
    run)
      _arguments -S \
        '*--queue=[sqlite]:url: ' \
        '--workers=[tasks at once]:n: ' \
        '--lambda=[the command is the runtime of a Lambda function]:handler: ' \
        '--serve=[the command is an HTTP server]:url: ' \
        '--resident[the command stays and takes a line of JSON for each message]' \
        '--runtime-api=[with --lambda]:port: ' \
        '--batch=[messages of one invocation of these]:n: ' \
        '--strict[of several queues, those that come first go first]' \
        '--drain[exit when the queue is empty, or all of them]' \
        '--health=[write FILE every second, for watchbot health]:file:_files' \
        '--listen=[serve /metrics, /healthz and /readyz]:address: ' \
        '--log=[the log'\''s form]:format:(text json)' \
        '*:file:_files' ;;
    listen)
      _arguments -S \
        '--workers=[tasks at once]:n: ' \
        '--health=[write FILE every second, for watchbot health]:file:_files' \
        '*:file:_files' ;;
    send)
      _arguments -S \
        '--queue=[sqlite]:url: ' \
        '--stack=[the queue of this CloudFormation stack]:name: ' \
        '--prefix=[which watcher, where the stack has several]:name: ' \
        '--topic=[an SNS topic instead]:arn: ' \
        '--from=[messages written by dead-letter print, from FILE]:file:_files' \
        '--subject=[the message'\''s Subject]:text: ' \
        '--delay=[delay before delivery, as 90s, 15m, 2d or seconds]:time: ' \
        '--via=[with --delay]:service:(scheduler)' \
        '--scheduler-role=[with --via]:arn: ' \
        '--priority=[-100 to 100, default 0]:n: ' \
        '*--attribute=[a message attribute]:name=value: ' \
        '--group=[the message group]:id: ' \
        '--overflow=[s3]:url: ' \
        '--deduplication-id=[a second message with this ID within 5 minutes is dropped]:id: ' \
        '*:file:_files' ;;
    message)
      _arguments -S \
        '*:file:_files' ;;
    schedule)
      _arguments -S \
        '--json[list]' \
        '1:action:(list next run)' \
        '*:file:_files' ;;
    status)
      _arguments -S \
        '--stack=[the CloudFormation stack of the watcher]:name: ' \
        '--prefix=[which watcher, where the stack has several]:name: ' \
        '--queue=[sqlite]:url: ' \
        '--json[one JSON object]' \
        '--watch[redraw them in place, with what runs and what has failed]' \
        '--interval=[with --watch]:seconds: ' \
        '*:file:_files' ;;
    console)
      _arguments -S \
        '--stack=[the CloudFormation stack of the watcher]:name: ' \
        '--prefix=[which watcher, where the stack has several]:name: ' \
        '*--queue=[sqlite]:url: ' \
        '--listen=[address and port, or the path of a Unix socket]:address: ' \
        '--log-group=[SQS]:name: ' \
        '--read-only[nothing can be replayed or deleted]' \
        '*--allow-host=[a further name by which browsers may reach it]:name: ' \
        '--any-user[connections of other users of this machine are accepted, too]' \
        '*:file:_files' ;;
    pause)
      _arguments -S \
        '--stack=[the CloudFormation stack of the watcher]:name: ' \
        '--prefix=[which watcher, where the stack has several]:name: ' \
        '--queue=[sqlite]:url: ' \
        '--for=[how long]:duration: ' \
        '--by=[only the messages of a FIFO group]:group=id: ' \
        '*:file:_files' ;;
    resume)
      _arguments -S \
        '--stack=[the CloudFormation stack of the watcher]:name: ' \
        '--prefix=[which watcher, where the stack has several]:name: ' \
        '--queue=[sqlite]:url: ' \
        '--by=[the FIFO group that was paused]:group=id: ' \
        '*:file:_files' ;;
    logs)
      _arguments -S \
        '--stack=[the CloudFormation stack of the watcher]:name: ' \
        '--prefix=[which watcher, where the stack has several]:name: ' \
        '--queue=[sqlite]:url: ' \
        '--log-group=[its name or ARN]:name: ' \
        '--message=[the lines of this message, and those of its ECS tasks]:id: ' \
        '--grep=[only lines that contain TEXT]:text: ' \
        '--since=[90s, 15m, 6h, 2d ago, or a date]:when: ' \
        '--until=[the same]:when: ' \
        '--follow[follow new lines until Ctrl-C]' \
        '--json[a JSON object for each line]' \
        '--raw[print lines byte for byte, including terminal escapes]' \
        '*:file:_files' ;;
    health)
      _arguments -S \
        '--ready[also require that the queue answers]' \
        '--within=[maximum age of the answer]:seconds: ' \
        '*:file:_files' ;;
    jobs)
      _arguments -S \
        '--stack=[the CloudFormation stack of the watcher]:name: ' \
        '--prefix=[which watcher, where the stack has several]:name: ' \
        '--queue=[sqlite]:url: ' \
        '*--state=[list]:state:(waiting delayed running done failed dead)' \
        '--match=[list]:text: ' \
        '--since=[list]:when: ' \
        '--limit=[list]:n: ' \
        '--after=[list]:cursor: ' \
        '--log-group=[SQS]:name: ' \
        '--json[for scripts]' \
        '1:action:(list show cancel retry)' \
        '*:file:_files' ;;
    dead-letter)
      _arguments -S \
        '--stack=[the CloudFormation stack of the watcher]:name: ' \
        '--prefix=[which watcher, where the stack has several]:name: ' \
        '--queue=[sqlite]:url: ' \
        '--dead-letter-queue=[the dead-letter queue'\''s URL]:url: ' \
        '--log-group=[log group for triage]:name: ' \
        '*--id=[only this message]:id: ' \
        '--from=[only messages in FILE, written by '\''print'\'']:file:_files' \
        '--match=[only messages with TEXT in the body or subject]:text: ' \
        '--limit=[at most N messages]:n: ' \
        '--rate=[replay]:n: ' \
        '--visibility=[SQS]:seconds: ' \
        '--dry-run[print what would be replayed or deleted, and change nothing]' \
        '--json[for scripts]' \
        '--yes[delete without asking]' \
        '1:action:(list show print replay delete purge triage)' \
        '*:file:_files' ;;
    queue)
      _arguments -S \
        '1:action:(salvage)' \
        '*:file:_files' ;;
    move)
      _arguments -S \
        '--from=[sqlite]:url: ' \
        '--to=[another queue, of either kind]:url: ' \
        '--rate=[at most N messages a second]:n: ' \
        '*:file:_files' ;;
    worker-capacity)
      _arguments -S \
        '--stack=[the CloudFormation stack of the watcher]:name: ' \
        '--prefix=[which watcher, where the stack has several]:name: ' \
        '--cluster=[name or ARN]:name: ' \
        '--task-definition=[the workers'\'' task definition]:name: ' \
        '*--capacity-provider=[only the machines of this capacity provider]:name: ' \
        '--json[one JSON object]' \
        '*:file:_files' ;;
    progress)
      _arguments -S \
        '--total=[set-total]:n: ' \
        '--part=[complete-part, status]:n: ' \
        '--metadata=[set-metadata]:json: ' \
        '--reason=[fail-job]:text: ' \
        '--brief[status]' \
        '--table=[of the DynamoDB table]:arn: ' \
        '--stack=[the table of this CloudFormation stack]:name: ' \
        '--prefix=[which watcher, where the stack has several]:name: ' \
        '--queue=[sqlite]:url: ' \
        '1:action:(status set-total set-metadata complete-part fail-job reduce-sent)' \
        '*:file:_files' ;;
    init)
      _arguments -S \
        '--mode=[a container runs a process for each message (the default), or starts an ECS task]:mode:(process task)' \
        '--lambda=[a resident Lambda function in this language, instead of the worker]:language:(python node)' \
        '--systemd[a systemd unit for one machine as well]' \
        '*:file:_files' ;;
    check)
      _arguments -S \
        '--fields[print every field that a policy can have, with its default]' \
        '--json[what is found on the machine, as one JSON object]' \
        '*:file:_files' ;;
    test)
      _arguments -S \
        '--message=[the message]:text: ' \
        '--body-file=[the message as it came from the queue]:file:_files' \
        '--subject=[the message'\''s Subject]:text: ' \
        '*--attribute=[a message attribute]:name=value: ' \
        '--group=[the FIFO group]:id: ' \
        '--receives=[the receive count]:n: ' \
        '--exit=[the exit code of the task]:code: ' \
        '--signal=[the signal that ends the task instead]:name: ' \
        '--timed-out[the task is stopped by the policy'\''s `timeout`]' \
        '--reason=[why the task ended, in addition to its exit code]:text: ' \
        '--expect=[exit with status 1 unless this is the outcome]:outcome:(complete reject release retry bury held queued)' \
        '--json[print one object of JSON]' \
        '--spec[run the specs of these files and folders]' \
        '--output=[how to print the results of specs]:form:(plain tap junit)' \
        '*:file:_files' ;;
    simulate)
      _arguments -S \
        '--from=[the load of a watcher'\''s log]:file:_files' \
        '--messages=[how many messages]:n: ' \
        '--arrive=[50/s at random, regular]:rate: ' \
        '--run=[how long a task runs]:time: ' \
        '--exit=[how tasks end]:shares: ' \
        '--message=[the messages]:text: ' \
        '--groups=[message groups of a FIFO queue]:n: ' \
        '--watchers=[how many watchers]:n: ' \
        '--capacity=[at most N tasks run at once in total]:n: ' \
        '--seed=[of the random numbers]:n: ' \
        '--price=[task=0]:money: ' \
        '--against=[simulate this policy, too, and list the messages that end in another way]:old.lua: ' \
        '*--fail-if=[status 1 if it holds]:condition: ' \
        '--json[print one JSON object, with a series over time]' \
        '*:file:_files' ;;
    lua)
      _arguments -S \
        '*:file:_files' ;;
    template)
      _arguments -S \
        '--format=[default]:format:(json yaml)' \
        '--check[instead]' \
        '--diff=[instead]:file:_files' \
        '--options[print every option of watchbot]' \
        '*:file:_files' ;;
    help) _values topic run listen send message schedule status console pause resume logs health jobs dead-letter queue move worker-capacity progress init check test simulate lua template policy recipes ;;
  esac
}

_watchbot "$@"
