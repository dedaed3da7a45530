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
  -- outcomes of messages
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
    find = [[if count == 0 then return { code = 0, duration = 0 }, true end]],
    put = [[if result == nil then return { code = 0, duration = 0 }, true end]],
    specs = "spec/runner/handled_spec.lua" },
  { name = "a message to be buried is deleted", file = "lua/watchbot/watcher/life.lua",
    find = [[if outcome == "bury" then outcome = self:bury(entry, exit, record) end]],
    put = [[if outcome == "bury" then self:delete(entry) end]],
    specs = "spec/watcher/life_spec.lua" },
  { name = "what cannot be buried is gone", file = "lua/watchbot/watcher/life.lua",
    find = [[  records.amend(record, "retry", exit.reason)
  return "retry"]],
    put = [[  return "complete"]],
    specs = "spec/watcher/life_spec.lua" },
  { name = "what raised in a job's life leaves its message in flight",
    file = "lua/watchbot/watcher/rescue.lua",
    find = [[  pcall(put_back, life, entry)
]], put = "", specs = "spec/watcher/life_spec.lua" },
  { name = "what raised in a job's life keeps its slot", file = "lua/watchbot/watcher/rescue.lua",
    find = [[  pcall(life.jobs.move, life.jobs, entry, "gone")
]], put = "", specs = "spec/watcher/life_spec.lua" },
  { name = "the task of a failed life runs on", file = "lua/watchbot/watcher/rescue.lua",
    find = [[  if entry.run then pcall(end_run, entry) end
]], put = "", specs = "spec/watcher/life_spec.lua" },

  -- draining
  { name = "messages that wait for a slot are not given back",
  file = "lua/watchbot/watcher/drain.lua",
    find = [[  self.life:give_back_waiting()
]], put = "", specs = "spec/run_spec.lua spec/watcher/drain_spec.lua" },
  { name = "receives are spent at a drain", file = "lua/watchbot/watcher/life.lua",
    find = [[  self:put_back(entry, 0, true)]], put = [[  self:put_back(entry, 0, false)]],
    specs = "spec/watcher/drain_spec.lua" },
  { name = "a stopped task costs its message a receive", file = "lua/watchbot/watcher/blame.lua",
    find = [[stopped = { fault = "machine", outcome = "retry", uncounted = true,]],
    put = [[stopped = { fault = "machine", outcome = "retry",]],
    specs = "spec/watcher/blame_spec.lua spec/run_spec.lua" },
  { name = "messages are taken while the watcher drains", file = "lua/watchbot/watcher/room.lua",
    find = [[if not watcher.phase:watching() or jobs.lingerers >=]], put = [[if jobs.lingerers >=]],
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
    find = [[  return math.min(latest, math.max(gap.from, asked))]], put = [[  return now]],
    specs = "spec/watcher/leases_spec.lua" },
  { name = "a lease that was lost lets its task run", file = "lua/watchbot/watcher/leases.lua",
    find = [[  if not is_gone then self.events.lost(lease) end
]], put = "", specs = "spec/watcher/leases_spec.lua spec/watcher/lapses_spec.lua" },
  { name = "a lapsed lease is not asked for again", file = "lua/watchbot/watcher/leases.lua",
    find = [[    if not lease.extending and not lease.lost]],
    put = [[    if not lease.extending and not lease.lost and not lease.lapsed]],
    specs = "spec/watcher/leases_spec.lua" },
  { name = "SQS is believed to extend what has lapsed", file = "lua/watchbot/watcher/leases.lua",
    find = [[if not (self.exact or lease.unanswered or lease.extending) then]],
    put = [[if false then]], specs = "spec/watcher/leases_spec.lua" },
  { name = "a task that was stopped for its lapsed lease is settled",
    file = "lua/watchbot/watcher/attempt.lua",
    find = [[  if entry.stopped and entry.lease.lost then exit.cause = "lapsed" end
]], put = "", specs = "spec/watcher/life_spec.lua" },
  { name = "what is lost while it starts runs on", file = "lua/watchbot/watcher/attempt.lua",
    find = [[  if entry.lease.lost then context.life:let_go(entry) end
]], put = "", specs = "spec/watcher/life_spec.lua" },
  { name = "a task of ECS is stopped with its lease", file = "lua/watchbot/watcher/ending.lua",
    find = [[  if stays then return entry.run:leave() end
]], put = "", specs = "spec/watcher/lapses_spec.lua" },
  { name = "a lease of the embedded queue counts from the answer",
    file = "lua/watchbot/queue/sqlite/taking.lua",
    find = [[message.seq, message.leased = nil, leased]], put = [[message.seq = nil]],
    specs = "spec/queue/sqlite/taking_spec.lua" },
  { name = "a delete that failed is not repeated", file = "lua/watchbot/watcher/settle.lua",
    find = [[if over or lasting[code] or receipts.is_expired(code) then]], put = [[if true then]],
    specs = "spec/watcher/settle_spec.lua" },
  { name = "a success with a stale handle is believed", file = "lua/watchbot/watcher/settle.lua",
    find = [[if ok and not newer then]], put = [[if ok then]],
    specs = "spec/watcher/settle_spec.lua" },

  { name = "a program that stays is given what has lapsed",
    file = "lua/watchbot/runner/resident/pool.lua",
    find = [[if run.lapsed and run.lapsed() then]], put = [[if run.lapsed == self then]],
    specs = "spec/runner/resident/pool_spec.lua" },
  { name = "RunTask is called for what has lapsed", file = "lua/watchbot/runner/ecs/placement.lua",
    find = [[  if lapsed and lapsed() then return nil, "the lease has lapsed", "LeaseLapsed" end
]], put = "", specs = "spec/runner/ecs/placement_spec.lua" },
  { name = "a hook that waits keeps its message at the end",
    file = "lua/watchbot/watcher/drain.lua",
    find = [[  self.life:end_hooks()
]], put = "", specs = "spec/watcher/drain_spec.lua" },

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
  { name = "a history that cannot be written keeps messages from being settled",
    file = "lua/watchbot/queue/sqlite/committer.lua",
    find = [[  if not ok then ok, err, code = self:lighter(taken, err, code) end
]], put = "", specs = "spec/watcher/records_spec.lua" },
  { name = "a cancelled message is received again", file = "lua/watchbot/queue/sqlite/taking.lua",
    find = [[if transaction.cancels and]], put = [[if false and]],
    specs = "spec/queue/sqlite/cancels_spec.lua" },
  { name = "the attempts of a dead letter are removed",
    file = "lua/watchbot/queue/sqlite/history.lua",
    find = [[
    AND NOT EXISTS (SELECT 1 FROM dead WHERE dead.id = attempts.id)]], put = "",
    specs = "spec/queue/sqlite/history_spec.lua" },
  { name = "a send is not synced", file = "lua/watchbot/queue/sqlite/init.lua",
    find = [[connect "FULL"]], put = [[connect "NORMAL"]],
    specs = "spec/queue/sqlite/sync_spec.lua" },
  { name = "a message that cannot be read ends the receive",
  file = "lua/watchbot/queue/sqlite/taking.lua",
    find = [[  if sqlite.is_failure(fate) then error(fate, 0) end]], put = [[  error(fate, 0)]],
    specs = "spec/queue/sqlite/taking_spec.lua spec/queue/sqlite/store_spec.lua" },
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

  { name = "a step of the clock expires all that waits",
    file = "lua/watchbot/queue/sqlite/taking.lua",
    find = [[  if doubt then]], put = [[  if false and doubt then]],
    specs = "spec/queue/sqlite/clock_spec.lua" },
  { name = "the WAL of a truncated file is deleted", file = "lua/watchbot/queue/sqlite/schema.lua",
    find = [[  if not ok then return nil, problem, why end
  local database, err, code = sqlite.open(]], put = [[  local database, err, code = sqlite.open(]],
    specs = "spec/queue/sqlite/salvage_spec.lua" },
  { name = "a big message that cannot be passed burns its receive",
    file = "lua/watchbot/runner/process.lua",
    find = [[if not file then return nil, err, "NoRoom" end]],
    put = [[if not file then return nil, err, "EFBIG2" end]],
    specs = "spec/runner/process_spec.lua" },
  { name = "a kept handle reaches the next job", file = "src/lscheduler.c",
    find = [[return task_is_limited(L) ? lguest_push(L) : l_current(L);]],
    put = [[return l_current(L);]],
    specs = "spec/limit_spec.lua" },

  -- polls
  { name = "an empty answer is asked for again at once", file = "lua/watchbot/watcher/intake.lua",
    find = [[  if #messages == 0 and not soon then self:pace(started, wait) end
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

  -- stages, receives, pauses
  { name = "a job that is held keeps its slot", file = "lua/watchbot/watcher/jobs.lua",
    find = [[  held = {
    lingers = true,]], put = [[  held = {
    slot = true,]],
    specs = "spec/watcher/jobs_spec.lua" },
  { name = "a job goes to a stage that may not follow", file = "lua/watchbot/watcher/jobs.lua",
    find = [[  gone = { told = "gone", next = {} },]],
    put = [[  gone = { told = "gone", next = followed_by("running", "settling") },]],
    specs = "spec/watcher/jobs_spec.lua spec/states_spec.lua" },
  { name = "no room costs a receive", file = "lua/watchbot/watcher/blame.lua",
    find = [[no_room = { fault = "machine", hold = true, uncounted = true, silent = true },]],
    put = [[no_room = { fault = "machine", hold = true, silent = true },]],
    specs = "spec/watcher/blame_spec.lua" },
  { name = "a lost machine costs a receive", file = "lua/watchbot/watcher/blame.lua",
    find = [[interrupted = { fault = "service", uncounted = true, passed = true },]],
    put = [[interrupted = { fault = "service", passed = true },]],
    specs = "spec/watcher/blame_spec.lua" },
  { name = "a receive is never taken back", file = "lua/watchbot/queue/sqlite/store.lua",
    find = [[entry.uncount and 1 or 0,]], put = [[0,]], specs = "spec/queue/sqlite_spec.lua" },
  { name = "a retry comes back at once", file = "lua/watchbot/watcher/life.lua",
    find = [[not REMOVES[outcome] and self:backoff(entry, verdict.seconds) or nil]],
    put = [[not REMOVES[outcome] and 0 or nil]],
    specs = "spec/run_spec.lua spec/watcher/life_spec.lua" },
  { name = "a message dies one receive late", file = "lua/watchbot/queue/sqlite/taking.lua",
    find = [[if row.receives > wanted.max_receives then]],
    put = [[if row.receives > wanted.max_receives + 1 then]],
    specs = "spec/queue/sqlite_spec.lua" },
  { name = "a drain tries forever what cannot start", file = "lua/watchbot/watcher/init.lua",
    find = [[  if self.breaker.open and self.phase:watching() then self:give_up() end
]], put = "", specs = "spec/run_spec.lua" },
  { name = "a drain that was ended counts as done", file = "lua/watchbot/cli/serve.lua",
    find = [[if not options.until_empty or opened:emptied() then return 0 end]],
    put = [[if opened then return 0 end]], specs = "spec/run_spec.lua" },

  -- leases and notices
  { name = "a heartbeat uses the first receipt handle", file = "lua/watchbot/watcher/leases.lua",
    find = [[  local started, receipt = scheduler.boottime(), lease.receipt]],
    put = [[  lease.first = lease.first or lease.receipt
  local started, receipt = scheduler.boottime(), lease.first]],
    specs = "spec/watcher/leases_spec.lua" },
  { name = "a notification that failed leaves no line", file = "lua/watchbot/notify/init.lua",
    find = [[  if ok or not err then return ok ~= false, err end
]], put = [[  if err ~= self then return ok ~= false, err end
]], specs = "spec/notify spec/watcher spec/aws" },

  -- queues
  { name = "a bury deletes before it has sent", file = "lua/watchbot/queue/sqs/bury.lua",
    find = [[  local note = queue.buried:get(message.id)
]], put = [[  queue:delete(receipt)
  local note = queue.buried:get(message.id)
]], specs = "spec/queue/sqs/bury_spec.lua" },
  { name = "a bury of the embedded queue only deletes",
    file = "lua/watchbot/queue/sqlite/store.lua",
    find = [[  store.make_dead(transaction, now, seq, entry.reason)]],
    put = [[  transaction:run("DELETE FROM messages WHERE seq = ?", seq)]],
    specs = "spec/queue/sqlite/store_spec.lua" },
  { name = "of deletes that go together all count as done",
    file = "lua/watchbot/queue/sqlite/store.lua",
    find = [[  if changed ~= count then error]], put = [[  if changed > count then error]],
    specs = "spec/queue/sqlite/store_spec.lua spec/queue/sqlite_spec.lua" },
  { name = "the newest of a group comes first", file = "lua/watchbot/queue/sqlite/limits.lua",
    find = [[(SELECT min(seq) FROM messages WHERE fifo_group = old.fifo_group)]],
    put = [[(SELECT max(seq) FROM messages WHERE fifo_group = old.fifo_group)]],
    specs = "spec/queue/sqlite_spec.lua" },
  { name = "a group does not wait for its first", file = "lua/watchbot/queue/sqlite/store.lua",
    find = [[THEN NULL ELSE ?1 END]], put = [[THEN ?1 ELSE ?1 END]],
    specs = "spec/queue/sqlite_spec.lua" },
  { name = "a duplicate is added", file = "lua/watchbot/queue/sqlite/store.lua",
    find = [[    if before then return before.id end
]], put = [[    if before and before.id == "" then return before.id end
]], specs = "spec/queue/sqlite_spec.lua" },
  { name = "a commit that failed counts as done",
    file = "lua/watchbot/queue/sqlite/committer.lua",
    find = [[  answer(taken, not ok and { message = err, code = code } or nil)]],
    put = [[  answer(taken, nil)]],
    specs = "spec/queue/sqlite/committer_spec.lua spec/queue/sqlite_spec.lua" },
  { name = "work that raises spoils its transaction for others",
    file = "lua/watchbot/queue/sqlite/committer.lua",
    find = [[code == "InternalError" and #taken > 1 then]],
    put = [[code == "InternalError" and #taken < 1 then]],
    specs = "spec/queue/sqlite/committer_spec.lua" },
  { name = "what SQS failed by its own fault is refused", file = "lua/watchbot/queue/outbox.lua",
    find = [[    elseif last or not answer.retry then]], put = [[    elseif answer then]],
    specs = "spec/queue/outbox_spec.lua" },

  -- ECS
  { name = "an error of ListTasks means no task", file = "lua/watchbot/runner/ecs/earlier.lua",
    find = [[    if not listed then return nil, err, code end]],
    put = [[    if not listed then return true end]], specs = "spec/runner/ecs/earlier_spec.lua" },
  { name = "an error of DescribeTasks means no task", file = "lua/watchbot/runner/ecs/earlier.lua",
    find = [[  if not result then return nil, err, code end]],
    put = [[  if not result then return true end]], specs = "spec/runner/ecs/earlier_spec.lua" },
  { name = "a client token is used again", file = "lua/watchbot/runner/ecs/placement.lua",
    find = [[    close(self, id)
    return task
]], put = [[    keep(self, id, parameters)
    return task
]], specs = "spec/runner/ecs/placement_spec.lua" },
  { name = "a lost answer of RunTask starts a second task",
    file = "lua/watchbot/runner/ecs/placement.lua",
    find = [[    keep(self, id, parameters)
    return nil, err, "NoRoom"]], put = [[    return nil, err, "NoRoom"]],
    specs = "spec/runner/ecs/placement_spec.lua" },
  { name = "a message that is no task event is deleted",
    file = "lua/watchbot/runner/ecs/events.lua",
    find = [["NoTaskEvent")
  end
  return false, FOREIGN]], put = [["NoTaskEvent")
  end
  return true]],
    specs = "spec/runner/ecs/events_spec.lua" },

  -- seen by the whole, too
  { name = "no heartbeat is sent, as a whole", file = "lua/watchbot/watcher/leases.lua",
    find = [[      scheduler.spawn(self.extend, self, lease)
]], put = "", specs = "spec/total_spec.lua" },
  { name = "a failed entry of a batch counts as done, as a whole",
    file = "lua/watchbot/queue/sqs/init.lua",
    find = [[    if not answer.code then answers[index] = true end]],
    put = [[    answers[index] = answer and true]], specs = "spec/total_sqs_spec.lua" },
  { name = "a message to be buried is deleted, as a whole", file = "lua/watchbot/watcher/life.lua",
    find = [[if outcome == "bury" then outcome = self:bury(entry, exit, record) end]],
    put = [[if outcome == "bury" then self:delete(entry) end]], specs = "spec/total_spec.lua" },
  { name = "a group does not wait for its first, as a whole",
    file = "lua/watchbot/queue/sqlite/store.lua",
    find = [[THEN NULL ELSE ?1 END]], put = [[THEN ?1 ELSE ?1 END]],
    specs = "spec/total_spec.lua" },
  { name = "the guardian kills nothing, as a whole", file = "src/guardian.c",
    find = [[is_noted(groups, pid) && kill(-pid, SIGKILL) != 0]],
    put = [[is_noted(groups, pid) && false]], specs = "spec/total_spec.lua" },
}
