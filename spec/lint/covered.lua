--- covered: the modules without a spec of the same name, and the spec that covers each. A new
-- module gets a spec of its name; after writing one for a module here, remove it from this list.

return {
  -- what a policy's fields and hooks are, and how its file is loaded
  ["policy/fields"] = "policy", ["policy/types"] = "policy", ["policy/hooks"] = "policy",
  ["policy/load"] = "policy", ["policy/complete"] = "policy", ["policy/compatible"] = "policy",
  ["policy/topic"] = "notify/sns",
  ["policy/global_uses"] = "policy/globals", ["queue/sqlite/delayed"] = "queue/moving",
  ["template/objects"] = "template/messages",

  ["specs/report"] = "specs/init", ["specs/suite"] = "specs/init",
  ["specs/shown"] = "specs/asserts",
  ["simulate/load"] = "cli/simulate", ["simulate/random"] = "simulate/amount",
  ["simulate/quantiles"] = "simulate/init", ["simulate/series"] = "cli/simulate",
  ["simulate/tally"] = "simulate/init", ["simulate/outside"] = "simulate/init",
  ["simulate/runner"] = "simulate/init", ["simulate/hooked"] = "simulate/init",
  ["simulate/silent"] = "simulate/init", ["simulate/result"] = "cli/simulate",
  ["simulate/compare"] = "cli/simulate", ["cli/simulated"] = "cli/simulate",

  ["otlp/named"] = "traces", ["otlp/producer"] = "traces", ["otlp/resource"] = "otlp/init",

  ["policy/bounds"] = "runner/allowance", ["policy/inherit"] = "runner/process",
  ["lib/refusal"] = "policy", ["lib/reason"] = "aws/calls",
  ["aws/presigned"] = "aws/s3", ["lib/buckets"] = "aws/objects",
  ["watcher/payloads"] = "overflow/init",

  -- the watcher as a whole
  ["watcher/init"] = "run", ["watcher/app"] = "run", ["watcher/attempt"] = "watcher/life",
  ["metrics/init"] = "watcher/instruments", ["metrics/endpoint"] = "watcher/instruments",
  ["watcher/opening"] = "watcher/several", ["watcher/room"] = "watcher/drain",
  ["watcher/protect"] = "watcher/protection",
  ["watcher/phase"] = "run", ["watcher/tally"] = "run", ["host"] = "module",
  ["watcher/rescue"] = "watcher/life", ["watcher/ending"] = "watcher/drain",
  ["watcher/load"] = "watcher/supervised",
  ["cli/resume"] = "cli/pause", ["status/pauses"] = "cli/pause",
  ["runner/cgroup"] = "runner/allowance", ["runner/ecs/placement"] = "aws/ecs",
  ["runner/ecs/refusal"] = "aws/ecs", ["runner/ecs/run"] = "aws/ecs",
  ["runner/init"] = "run", ["runner/inherited"] = "runner/process",
  ["runner/resident/init"] = "runner/resident/lambda",
  ["runner/resident/invocation"] = "runner/resident/lambda",
  ["runner/resident/program"] = "runner/resident/lambda",
  ["runner/resident/service"] = "runner/resident/serve",
  ["runner/resident/runtime"] = "runner/resident/lambda",
  ["journal/listen"] = "listen", ["notify/init"] = "notify/sns",
  ["message/attributes"] = "message/job", ["message/envelope"] = "message/job",

  -- queues: a contract that runs on both
  ["queue/init"] = "queue/sqlite", ["queue/topic"] = "cli/send",
  ["queue/sqlite/committer"] = "queue/sqlite", ["queue/sqlite/schema"] = "queue/sqlite",
  ["queue/sqlite/store"] = "queue/sqlite",
  ["queue/sqlite/letters"] = "queue/sqlite", ["queue/sqlite/sections"] = "queue/sqlite/jobs",
  ["queue/sqlite/numbers"] = "queue/sqlite/jobs",
  ["queue/sqlite/dead"] = "queue/sqlite", ["queue/sqlite/sending"] = "queue/sqlite",
  ["queue/sqlite/pages"] = "queue/sqlite/salvage", ["queue/sqlite/rows"] = "queue/sqlite/salvage",
  ["cli/queue"] = "queue/sqlite/salvage", ["queue/sqlite/trust"] = "queue/sqlite/schema",
  ["dead_letters/init"] = "dead_letters/sqs",
  ["dead_letters/pair"] = "dead_letters/sqs", ["dead_letters/replay"] = "dead_letters/sqs",
  ["progress/init"] = "progress/sqlite", ["progress/dynamodb/chunks"] = "progress/dynamodb",
  ["progress/dynamodb/set"] = "progress/dynamodb",
  ["progress/dynamodb/table"] = "progress/dynamodb",

  -- AWS: signed calls against servers
  ["aws/init"] = "aws/client", ["aws/protocol"] = "aws/client", ["aws/services"] = "aws/client",
  ["aws/fetch"] = "aws/provider/container", ["aws/provider/environment"] = "aws/provider/plan",
  ["aws/provider/given"] = "aws/credentials", ["aws/provider/process"] = "aws/provider/plan",
  ["stack/resources"] = "stack", ["status/init"] = "cli/status", ["status/ecs"] = "cli/status",
  ["status/embedded"] = "cli/status", ["status/sqs"] = "cli/status",

  -- commands: run as a program
  ["cli/health"] = "watcher/health", ["cli/init"] = "main", ["cli/check"] = "main",
    ["cli/run"] = "run", ["cli/serve"] = "run",
  ["cli/listen"] = "listen", ["cli/log_lines"] = "cli/logs", ["cli/saved_lines"] = "cli/send",
  ["lib/lines"] = "input",
  ["cli/status/figures"] = "cli/status",
  ["cli/durations"] = "cli/jobs", ["cli/jobs/attempts"] = "cli/jobs",
  ["cli/jobs/embedded"] = "cli/jobs", ["cli/jobs/view"] = "cli/jobs",
  ["status/work"] = "cli/jobs/sqs",
  ["cli/dead_letter/actions"] = "cli/dead_letter",
  ["cli/dead_letter/selection"] = "cli/dead_letter", ["cli/dead_letter/view"] = "cli/dead_letter",
  ["cli/dead_letter/triage"] = "cli/triage",
  ["cli/project/dockerfile"] = "cli/project", ["cli/project/files"] = "cli/project",
  ["cli/project/gitignore"] = "cli/project", ["cli/project/luarc"] = "cli/project",
  ["cli/project/lambda"] = "cli/project",
  ["cli/project/policy"] = "cli/project",
  ["cli/project/readme"] = "cli/project", ["cli/project/service"] = "cli/project",
  ["cli/project/spec"] = "cli/project",
  ["cli/project/stack"] = "cli/project", ["cli/project/worker"] = "cli/project",

  -- the console: pages as browsers see them, and as attackers do
  ["console/init"] = "console", ["console/router"] = "console", ["console/context"] = "console",
  ["console/reply"] = "console", ["console/layout"] = "console", ["console/views"] = "console",
  ["console/overview"] = "console", ["console/letters"] = "console",
  ["console/letter_actions"] = "console", ["console/live"] = "console",
  ["console/embedded/init"] = "console", ["console/embedded/letters"] = "console",
  ["console/embedded/job_list"] = "console/jobs", ["console/job_page"] = "console/jobs",
  ["cli/console"] = "console", ["console/sqs/init"] = "console/sqs",
  ["queue/sqlite/lanes"] = "console/jobs", ["watcher/viewing"] = "console/watcher",
  ["console/sqs/hour"] = "console/sqs", ["console/sqs/letters"] = "console/sqs",
  ["console/sqs/log"] = "console/sqs",

  -- parts of a template that are seen in whole templates
  ["template/container"] = "template/worker", ["template/declared"] = "template/options",
  ["template/kinds"] = "template/options", ["template/names"] = "template/options",
  ["template/refs"] = "template/describe", ["template/replacement"] = "template/diff",
  ["template/rules/init"] = "template/options", ["template/same"] = "template/merge",
  ["template/sending"] = "template/user",

  -- the watcher with a clock that a test moves
  ["testing/message"] = "testing", ["testing/runner"] = "testing", ["testing/stage"] = "testing",
  ["testing/witness"] = "testing", ["testing/world"] = "testing",
}
