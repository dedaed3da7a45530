--- mutants: faults to plant, one at a time, each by its place and what it breaks. `make mutants`
-- plants them and runs the specs that must see them; spec/mutants_spec.lua checks that each still
-- has its place. A mutant that survives is a gap in the specs: mend the spec, never the mutant.

---@class watchbot.Mutant
---@field name string what it does wrong
---@field file string
---@field find string stands in the file exactly once
---@field put string in its place
---@field specs string the files that must fail

---@type watchbot.Mutant[]
return {
  -- what becomes of a message
  { name = "a timeout counts as what the exit code says", file = "lua/watchbot/policy/init.lua",
    find = [[if exit.timed_out or exit.not_started then return "retry" end]],
    put = [[if exit.not_started then return "retry" end]],
    specs = "spec/policy_spec.lua spec/run_spec.lua" },
  { name = "an outcome that is none deletes the message", file = "lua/watchbot/watcher/answers.lua",
    find = [[function answers.verdict(outcome, pause)]],
    put = [[function answers.verdict(outcome, pause)
  if not answers.outcomes[outcome] then return "complete" end]],
    specs = "spec/watcher/answers_spec.lua" },
  { name = "a handler that returns nil and a message has succeeded",
    file = "lua/watchbot/runner/handled.lua",
    find = [[if count == 0 or result == true then]],
    put = [[if result == nil or result == true then]],
    specs = "spec/runner/handled_spec.lua" },
  { name = "a message to be buried is deleted", file = "lua/watchbot/watcher/life.lua",
    find = [[if outcome == "bury" then outcome = self:bury(entry, exit) end]],
    put = [[if outcome == "bury" then self:delete(entry) end]],
    specs = "spec/watcher/life_spec.lua" },
  { name = "what cannot be buried is gone", file = "lua/watchbot/watcher/life.lua",
    find = [[exit.reason or "to be buried", err)
  return "retry"]],
    put = [[exit.reason or "to be buried", err)
  return "complete"]],
    specs = "spec/watcher/life_spec.lua" },
  { name = "what raised in a job's life leaves its message in flight",
    file = "lua/watchbot/watcher/life.lua",
    find = [[  pcall(return_rescued, self, entry)
]], put = "", specs = "spec/watcher/life_spec.lua" },
  { name = "what raised in a job's life keeps its slot", file = "lua/watchbot/watcher/life.lua",
    find = [[  pcall(self.jobs.move, self.jobs, entry, "gone")
]], put = "", specs = "spec/watcher/life_spec.lua" },
  { name = "the task of a failed life runs on", file = "lua/watchbot/watcher/life.lua",
    find = [[  if entry.run then pcall(end_run, entry) end
]], put = "", specs = "spec/watcher/life_spec.lua" },

  -- draining
  { name = "messages that wait for a slot are not given back",
  file = "lua/watchbot/watcher/init.lua",
    find = [[  self.life:give_back_waiting()
  if self.retired]],
    put = [[  if self.retired]], specs = "spec/run_spec.lua spec/watcher/drain_spec.lua" },
  { name = "receives are burnt at a drain", file = "lua/watchbot/watcher/life.lua",
    find = [[  self:put_back(entry, 0, true)]], put = [[  self:put_back(entry, 0, false)]],
    specs = "spec/watcher/drain_spec.lua" },
  { name = "a stopped task costs its message a receive", file = "lua/watchbot/watcher/blame.lua",
    find = [[stopped = { fault = "machine", outcome = "retry", uncounted = true,]],
    put = [[stopped = { fault = "machine", outcome = "retry",]],
    specs = "spec/watcher/blame_spec.lua spec/run_spec.lua" },
  { name = "messages are taken while the watcher drains", file = "lua/watchbot/watcher/init.lua",
    find = [[if not self.phase:watching() or lingering >= LINGERING_LIMIT then return 0 end]],
    put = [[if lingering >= LINGERING_LIMIT then return 0 end]],
    specs = "spec/watcher/drain_spec.lua" },

  -- leases
  { name = "no heartbeat is sent", file = "lua/watchbot/watcher/leases.lua",
    find = [[      scheduler.spawn(self.extend, self, lease)
]], put = "", specs = "spec/watcher/leases_spec.lua" },
  { name = "a newer receipt handle is not taken", file = "lua/watchbot/watcher/leases.lua",
    find = [[  lease.receipt, lease.receives = message.receipt, message.receives]],
    put = [[  lease.receives = message.receives]], specs = "spec/watcher/leases_spec.lua" },
  { name = "a lapsed message is started", file = "lua/watchbot/watcher/leases.lua",
    find = [[  return scheduler.boottime() >= lease.deadline]], put = [[  return false]],
    specs = "spec/watcher/leases_spec.lua" },
  { name = "an old answer's lease counts from now", file = "lua/watchbot/watcher/leases.lua",
    find = [[  return math.max(gap.from, asked)]], put = [[  return now]],
    specs = "spec/watcher/leases_spec.lua" },
  { name = "a delete that failed is not repeated", file = "lua/watchbot/watcher/settle.lua",
    find = [[if over or lasting[code] or receipts.is_expired(code) then]], put = [[if true then]],
    specs = "spec/watcher/settle_spec.lua" },
  { name = "a success with a stale handle is believed", file = "lua/watchbot/watcher/settle.lua",
    find = [[if ok and not newer then return true, err end]],
    put = [[if ok then return true, err end]],
    specs = "spec/watcher/settle_spec.lua" },

  -- who is to blame
  { name = "a program that is missing costs receives", file = "lua/watchbot/watcher/blame.lua",
    find = [[not_started = { fault = "policy", step = "start", uncounted = true },]],
    put = [[not_started = { fault = "policy", step = "start" },]],
    specs = "spec/watcher/blame_spec.lua" },
  { name = "the breaker never opens", file = "lua/watchbot/watcher/breaker.lua",
    find = [[  if enough < FAILURES then return true, false end]],
    put = [[  if enough then return true, false end]],
    specs = "spec/watcher/breaker_spec.lua" },
  { name = "bad messages never die", file = "lua/watchbot/watcher/breaker.lua",
    find = [[(self.succeeded[step] or -1) >= failed]],
    put = [[(self.succeeded[step] or -1) > math.huge]],
    specs = "spec/watcher/breaker_spec.lua" },

  -- the embedded queue
  { name = "a send is not synced", file = "lua/watchbot/queue/sqlite/init.lua",
    find = [[connect "FULL"]], put = [[connect "NORMAL"]],
    specs = "spec/queue/sqlite/sync_spec.lua" },
  { name = "a message that cannot be read ends the receive",
  file = "lua/watchbot/queue/sqlite/store.lua",
    find = [[  if sqlite.is_failure(fate) then error(fate, 0) end]], put = [[  error(fate, 0)]],
    specs = "spec/queue/sqlite/store_spec.lua" },
  { name = "an old receipt deletes", file = "lua/watchbot/queue/sqlite/store.lua",
    find = [["DELETE FROM messages WHERE seq = ? AND lease = ?", seq, number)]],
    put = [["DELETE FROM messages WHERE seq = ?", seq)]],
    specs = "spec/queue/sqlite_spec.lua spec/queue/receipts_spec.lua" },

  -- SQS
  { name = "a replay deletes what was not sent", file = "lua/watchbot/dead_letters/replay.lua",
    find = [[self.letters.held:settle(sent, ]], put = [[self.letters.held:settle(round, ]],
    specs = "spec/dead_letters/sqs_spec.lua" },
  { name = "a replay deletes before the send", file = "lua/watchbot/dead_letters/replay.lua",
    find = [[    local sent = self:send(queue, round)]],
    put = [[    self.letters.held:settle(round, {}, "%s")
    local sent = self:send(queue, round)]],
    specs = "spec/dead_letters/sqs_spec.lua" },
  { name = "a bury deletes what was not sent", file = "lua/watchbot/queue/sqs/bury.lua",
    find = [[    if note == nil then return nil, err, code end]],
    put = [[    note = note or false]],
    specs = "spec/queue/sqs/bury_spec.lua" },
  { name = "a bury sends again what was sent", file = "lua/watchbot/queue/sqs/bury.lua",
    find = [[    queue.buried:set(message.id, note)]], put = "",
    specs = "spec/queue/sqs/bury_spec.lua" },
  { name = "a failed entry of a batch counts as done", file = "lua/watchbot/queue/sqs/init.lua",
    find = [[    if not answer.code then answers[index] = true end]],
    put = [[    answers[index] = answer and true]],
    specs = "spec/queue/sqs_spec.lua spec/queue/sqs" },
  { name = "a refused message counts as sent", file = "lua/watchbot/queue/outbox.lua",
    find = [[each(result.Failed, function(failed)]],
    put = [[each(result.Failed, function(failed)
    if failed then return { MessageId = "x" } end]],
    specs = "spec/queue" },
  { name = "an entry without an answer counts as done", file = "lua/watchbot/queue/sqs/batcher.lua",
    find = [[  if answer == true then return true end]],
    put = [[  if answer ~= batch.failure then return true end]],
    specs = "spec/queue" },

  -- polls
  { name = "an empty answer is asked for again at once", file = "lua/watchbot/watcher/intake.lua",
    find = [[  if #messages == 0 then self:pace(started, wait) end
]], put = "", specs = "spec/watcher/intake_spec.lua" },

  -- processes
  { name = "what a task left running in its group goes on", file = "src/child.c",
    find = [[    if (await_exit(child->pid)) kill(-child->pid, SIGKILL);
    clear(child);
}]], put = [[    (void)await_exit(child->pid);
    clear(child);
}]], specs = "spec/process_spec.lua" },
  { name = "the guardian kills nothing", file = "src/guardian.c",
    find = [[is_noted(groups, pid) && kill(-pid, SIGKILL) != 0]],
    put = [[is_noted(groups, pid) && false]],
    specs = "spec/guardian_spec.lua" },
}
