--- cli.check: `watchbot check`: loads a policy and prints what it would do.

local advice = require "watchbot.cli.advice"
local scheduler = require "watchbot.scheduler"
local fields = require "watchbot.policy.fields"
local global_uses = require "watchbot.policy.global_uses"
local globals = require "watchbot.policy.globals"
local groups = require "watchbot.queue.groups"
local json = require "watchbot.lib.json"
local load_file = require "watchbot.policy.load"
local machine = require "watchbot.cli.machine"
local output = require "watchbot.cli.output"
local policy = require "watchbot.policy"
local queues = require "watchbot.policy.queues"
local resident = require "watchbot.policy.resident"
local sorted = require "watchbot.lib.sorted"
local text = require "watchbot.lib.text"
local urls = require "watchbot.lib.urls"

local check = {
  summary = "Loads a policy and prints what it would do; runs nothing.",
  usage = "[--json] [POLICY.lua]",
  options = {
    { name = "fields", help = "print every field that a policy can have, with its default" },
    { name = "json", help = "what is found on the machine, as one JSON object" },
  },
  details = [[
Also checks the machine or container: the embedded queue's file, limits on processes and files,
CA certificates, the proxy, the health file, and whether the stop timeout of its systemd unit or
container is long enough. With an SQS queue, a topic or ECS tasks, asks AWS for the identity of the
credentials, their expiry and the permissions that are missing, and compares the clock; no message
is received. Without a policy, checks the machine, $QueueUrl and $NotificationTopic only.

Lines "advice" are probable mistakes in a valid policy: a hook whose parameters do not fit, a field
that has no effect next to the others, an exit code with another meaning, a global that nothing
sets, a visibility timeout too short for heartbeats, a secret in the file. They do not change the
exit status.

Exit status: 0, 1 when something would fail, 2 when the policy is invalid.

examples:
  watchbot check                                               what would fail on this machine
  watchbot check policy.lua                                    errors in it, or what it does
  watchbot check --fields                                      see also: watchbot help policy]],
}

-- What `check` prints ends in logs of builds.
local function show(label, value)
  output.line(("  %-14s %s"):format(label, urls.hide(tostring(value))))
end

local function words_of(command)
  if type(command) == "function" then return "a function of the job" end
  if type(command) == "string" then return ("%s (in sh)"):format(command) end
  return table.concat(command, " ")
end

local what_runs = {
  lua = function() return "a Lua function of the policy" end,
  process = function(loaded) return words_of(loaded.command) end,
  resident = function(loaded)
    local options, kind = resident.of(loaded)
    if kind == "handler" then
      return ("a Lua function of the policy, up to %d messages at once"):format(options.batch)
    end
    local program = options.handler or options.url or words_of(options.command)
    local batch = options.batch > 1 and (", up to %d messages at once"):format(options.batch) or ""
    return ("%s, by a resident program (%s)%s"):format(program, kind, batch)
  end,
  ecs = function(loaded)
    if type(loaded.task) == "function" then return "an ECS task, by a function of the job" end
    return ("an ECS task of %s on %s"):format(loaded.task.definition, loaded.task.cluster)
  end,
}

local function value_of(value)
  if type(value) == "function" then return "a function" end
  if type(value) ~= "table" then return tostring(value) end
  if #value > 0 then
    local words = {}
    for index, item in ipairs(value) do words[index] = value_of(item) end
    return table.concat(words, type(value[1]) == "table" and "; " or " ")
  end
  local parts = {}
  for key, item in pairs(value) do parts[#parts + 1] = ("%s=%s"):format(key, value_of(item)) end
  table.sort(parts)
  return table.concat(parts, ", ")
end

local function show_exits(loaded)
  local codes = { [0] = true, [3] = true, [4] = true }
  for code in pairs(loaded.exits) do codes[code] = true end
  for _, code in ipairs(sorted.keys(codes)) do
    local exit = math.type(code) == "integer" and { code = code } or { signal = code }
    show("exit " .. code, (policy.verdict(loaded, nil, exit)))
  end
  show("any other", "retry")
end

local shown_anyway = {
  command = true, handler = true, task = true, queue = true, queues = true, exits = true,
}

-- Values of variables may be secrets.
local function names_of(variables)
  return table.concat(sorted.keys(variables), " ")
end

local function show_field(name, value, label)
  local of = fields.by_name[name].type == "variables" and names_of or value_of
  show(label or name, of(value))
end

local function show_fields(loaded)
  for _, field in ipairs(fields.declared) do
    if not shown_anyway[field.name] and loaded:is_set(field.name) then
      show_field(field.name, loaded[field.name])
    end
  end
end

-- What a message group and the limits mean differs between queues.
local function show_groups(loaded)
  local meaning, reach = groups.of(loaded.queue)
  if not meaning then return end
  show("groups", meaning)
  if loaded.limits then show("limits hold", reach) end
end

-- A message that is rejected is deleted: without a topic, one line of the log is all that is left.
local function show_rejects(loaded)
  if loaded.topic then return end
  show("reject", "no topic is set: a rejected message is deleted, and leaves one line in the log; "
    .. "bury keeps it")
end

-- What enforces `memory` differs between machines.
local function show_memory(loaded)
  if not loaded.memory then return end
  local by = require "watchbot.runner.allowance".memory_by()
  show("memory by", by == "cgroup" and "a cgroup for each task"
    or "RLIMIT_DATA of each process: the watcher cannot create a cgroup here")
end

local function show_hooks(loaded)
  local overridden = {}
  for _, name in ipairs(policy.hook_names) do
    if loaded:is_set(name) then overridden[#overridden + 1] = name end
  end
  show("hooks", #overridden > 0 and table.concat(overridden, ", ") or "the defaults")
  if loaded:is_set "verdict" then
    output.line "\nThe policy's 'verdict' hook overrides these exit codes."
  end
end

local function task_of(one) return what_runs[policy.kind(one)](one) end

-- Several queues: what each has in place of the policy's fields, and what may starve.
local function show_queues(loaded, all)
  local sum = 0
  for _, one in ipairs(all) do sum = sum + one.weight end
  for index, one in ipairs(all) do
    show("queue", one.queue)
    show("  share", loaded.strict and ("strict: number %d"):format(index)
      or ("%.4g of %.4g, while all have messages"):format(one.weight, sum))
    show("  each message", task_of(one.policy))
    for _, field in ipairs(queues.PER_QUEUE) do
      if not shown_anyway[field] and one.own[field] and one.policy[field] ~= nil then
        show_field(field, one.policy[field], "  " .. field)
      end
    end
  end
  if not loaded.strict or #all < 2 then return end
  show("strict", ("while a queue has messages, those after it get no slot: the messages of '%s' "
    .. "may starve, until they expire"):format(urls.hide(all[#all].queue)))
end

local function describe(path, loaded, sentences)
  output.line(path .. " is fine:")
  local all = policy.of_queues(loaded)
  if all then
    show_queues(loaded, all)
  else
    show("queue", loaded.queue)
    show("each message", task_of(loaded))
  end
  if not loaded:is_set "workers" then show("workers", loaded.workers) end
  show_fields(loaded)
  show_memory(loaded)
  show_exits(loaded)
  show_groups(loaded)
  show_rejects(loaded)
  show_hooks(loaded)
  for _, one in ipairs(sentences) do show("advice", one) end
end

-- => status : 1 where something would fail
local function show_machine(loaded, arguments, sentences)
  local findings, status = machine.look(loaded), 0
  for _, one in ipairs(arguments.json and sentences or {}) do
    findings[#findings + 1] = { what = "policy", level = "warning", message = one }
  end
  for _, finding in ipairs(findings) do
    finding.message = urls.hide(finding.message)
    if finding.level == "failure" then status = 1 end
  end
  if arguments.json then
    output.json { findings = json.list(findings), ok = status == 0 }
    return status
  end
  output.line "\nThis machine:"
  for _, finding in ipairs(findings) do
    local mark = finding.level == "ok" and "" or finding.level .. ": "
    show(finding.what, mark .. finding.message)
  end
  return status
end

-- => policy, sentences about globals, constants of its files | nil err code
local function read(path)
  local reads <close> = globals.watch()
  local loaded, err, code = load_file.policy(path)
  if not loaded then return nil, err, code end
  local uses = global_uses(load_file.files(path))
  return loaded, globals.advice(uses, reads), uses.texts
end

local function start(path, arguments)
  if not path then return show_machine(nil, arguments) end
  local loaded, sentences, texts = read(path)
  if not loaded then return nil, sentences, texts end
  local ok, problem = loaded:complete()
  for _, one in ipairs(policy.of_queues(loaded) or { { policy = loaded } }) do
    if ok and policy.kind(one.policy) == "ecs" then
      ok, problem = require "watchbot.runner.ecs".check(one.policy)
    end
  end
  if not ok then
    -- A misspelt global is nil, and a field that is set to nil is not set.
    table.insert(sentences, 1, problem)
    return nil, ("%s: %s"):format(path, table.concat(sentences, "; ")), "Usage"
  end
  for _, one in ipairs(advice.of(loaded, texts)) do sentences[#sentences + 1] = one end
  if not arguments.json then describe(path, loaded, sentences) end
  return show_machine(loaded, arguments, sentences)
end

function check.run(arguments)
  if arguments.fields then
    require "watchbot.cli.help".fields()
    return 0
  end
  if #arguments.words > 1 then
    return nil, ("check: expected one policy, got '%s'"):format(
      text.word(table.concat(arguments.words, " "))),
      "Usage"
  end
  return scheduler.run(start, arguments.words[1], arguments)
end

return check
