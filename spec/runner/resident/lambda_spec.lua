-- Lambda functions that stay, with the whole program: a queue file, a runtime that does what its
-- message says (spec/support/runtimes/scripted.py), and the outcome of the message.

local resident = require "support.resident"
local workshop = require "support.workshop"

local task, eventually = workshop.task, workshop.eventually

local send, drain, outcomes_of = resident.send, resident.drain, resident.outcomes
local policy, seen_of, outcome_words = resident.lambda, resident.seen, resident.in_order

local function statuses(folder)
  local all = {}
  for index, one in ipairs(seen_of(folder)) do all[index] = one.statuses end
  return all
end

describe("a Lambda function that stays", function()
  it("takes one message after the other in one runtime", task(function(folder)
    send(folder, { { "answer", "{}" } }, { { "answer" } }, { { "answer", "not JSON" } })
    policy(folder)
    local log = drain(folder)
    assert.same({ "complete", "complete", "complete" }, outcome_words(log))
    local seen = seen_of(folder)
    assert.equal(seen[1].pid, seen[3].pid)
    assert.same({ { 202 }, { 202 }, { 202 } }, statuses(folder))
    assert.are_not.equal(seen[1].headers["Lambda-Runtime-Aws-Request-Id"],
      seen[2].headers["Lambda-Runtime-Aws-Request-Id"])
  end))

  -- Whatever its value, aws-lambda-ric 4 asks for several invocations at once when it is there.
  it("does not inherit what makes clients ask for several invocations", task(function(folder)
    workshop.send(folder, { "one" })
    policy(folder, "inherit = true, env = { AWS_LAMBDA_MAX_CONCURRENCY = '2' },")
    folder:write("policy.lua", (folder:read "policy.lua":gsub('command = {.-}',
      [[command = "env > variables; exec python3 ]] .. resident.runtimes .. [[scripted.py seen"]])))
    drain(folder, { AWS_LAMBDA_MAX_CONCURRENCY = "4", _LAMBDA_TELEMETRY_LOG_FD = "9" })
    local variables = folder:read "variables"
    assert.matches("AWS_LAMBDA_RUNTIME_API=127.0.0.1:%d+\n", variables)
    assert.is_nil(variables:find("MAX_CONCURRENCY", 1, true))
    assert.is_nil(variables:find("TELEMETRY_LOG_FD", 1, true))
  end))

  -- In AWS's images the runtime is $LAMBDA_RUNTIME_DIR/bootstrap, and needs their libraries; both
  -- variables were overwritten or kept back.
  it("runs the runtime of AWS's images where they say it is", task(function(folder)
    workshop.send(folder, { "one" })
    folder:write("bootstrap", ("#!/bin/sh\nenv >variables\nexec python3 %sscripted.py seen\n")
      :format(resident.runtimes))
    os.execute(("chmod +x '%s'"):format(folder:file "bootstrap"))
    resident.policy(folder,
      "lambda = { command = { os.getenv 'LAMBDA_RUNTIME_DIR' .. '/bootstrap' } }")
    drain(folder, {
      LAMBDA_RUNTIME_DIR = folder.path, LAMBDA_TASK_ROOT = "/var/task",
      LD_LIBRARY_PATH = "/var/lang/lib",
    })
    local variables = folder:read "variables"
    for _, one in ipairs { "LAMBDA_RUNTIME_DIR=" .. folder.path, "LAMBDA_TASK_ROOT=/var/task",
      "LD_LIBRARY_PATH=/var/lang/lib" } do
      assert.is_truthy(variables:find(one .. "\n", 1, true), one)
    end
  end))

  -- A success needs no verdict, unless the policy has one for it: by its exit code, or in its hook.
  it("may be judged where it has succeeded", task(function(folder)
    send(folder, { { "answer", "{}" } })
    policy(folder, "exits = { [0] = 'reject' },")
    assert.same({ "reject" }, outcome_words(drain(folder)))
    send(folder, { { "answer", '"one"' } }, { { "answer", '"two"' } })
    policy(folder, "verdict = function(_, _, exit) "
      .. "return exit.result == '\"two\"' and 'reject' or 'complete' end,")
    assert.same({ "complete", "reject" }, outcome_words(drain(folder)))
  end))

  -- Rust's client expects a deadline, Go's cannot parse an empty one.
  it("gets the headers that runtime clients need", task(function(folder)
    send(folder, { { "answer" } })
    policy(folder, "timeout = 0,")
    drain(folder, { AWS_REGION = "eu-central-1" })
    local headers = seen_of(folder)[1].headers
    local left = tonumber(headers["Lambda-Runtime-Deadline-Ms"]) / 1000 - os.time()
    assert.is_true(left > 43000 and left < 43300, tostring(left))
    assert.equal("arn:aws:lambda:eu-central-1:000000000000:function:app-handler",
      headers["Lambda-Runtime-Invoked-Function-Arn"])
    assert.matches("^%x+%-%x+%-4", headers["Lambda-Runtime-Invocation-Id"])
    assert.equal("application/json", headers["Content-Type"])
    assert.is_nil(headers["Lambda-Runtime-Trace-Id"])
  end))

  it("gets the trace of a single message in its header", task(function(folder)
    local exit = workshop.run(folder, { "send", "--queue", folder:url(), '[["answer"]]' },
      { TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01" })
    assert.equal(0, exit.code)
    policy(folder)
    drain(folder)
    assert.equal("Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Parent=00f067aa0ba902b7;Sampled=1",
      seen_of(folder)[1].headers["Lambda-Runtime-Trace-Id"])
  end))

  it("fails with the error that it reports, and its type decides like an exit code",
    task(function(folder)
      send(folder, { { "error", "ValidationError", "no such tile" } }, { { "error", "Other",
        "x" } })
      policy(folder, 'exits = { ValidationError = "reject" },')
      local log = drain(folder)
      local all = outcomes_of(log)
      assert.same({ "reject", "retry", "retry" }, outcome_words(log))
      assert.equal("ValidationError: no such tile", all[1].reason)
      assert.is_string(all[1].request)
      assert.are_not.equal(all[2].request, all[3].request)
    end))

  -- A client's exit code 0 without an answer was a message deleted unread; 3 and 4 would delete or
  -- release it.
  for _, case in ipairs {
    { { "exit", 0 }, "exit code 0" }, { { "exit", 3 }, "exit code 3" },
    { { "exit", 4 }, "exit code 4" }, { { "exit", 129 }, "exit code 129" },
    { { "kill" }, "signal KILL" },
  } do
    it("fails when its runtime ends with " .. case[2] .. " before it answered",
      task(function(folder)
      send(folder, { case[1] }, { { "answer" } })
      policy(folder)
      local log = drain(folder)
      assert.same({ "complete", "retry", "retry" }, (function()
        local words = outcome_words(log)
        table.sort(words)
        return words
      end)())
      assert.matches("the runtime ended with " .. case[2] .. " before it answered", log)
      assert.is_nil(log:find("no task can be started", 1, true))
    end))
  end

  -- bref ends after each answer; Go ends with 1 after it has told a panic.
  it("is done when it has answered, however its runtime ends then", task(function(folder)
    send(folder, { { "answer" }, { "exit", 0 } }, { { "answer" }, { "exit", 0 } },
      { { "error", "panic", "p" }, { "exit", 1 } }, { { "answer" } })
    policy(folder)
    local log = drain(folder)
    local words = outcome_words(log)
    table.sort(words)
    assert.same({ "complete", "complete", "complete", "retry", "retry" }, words)
    assert.matches("panic: p", log)
    assert.is_nil(log:find("before it answered", 1, true))
  end))

  it("has failed when it asks for the next message without an answer", task(function(folder)
    send(folder, { { "next" } }, { { "answer" } })
    policy(folder)
    local log = drain(folder)
    local words = outcome_words(log)
    table.sort(words)
    assert.same({ "complete", "retry", "retry" }, words)
    assert.matches("asked for the next message without an answer", log)
    assert.equal(seen_of(folder)[1].pid, seen_of(folder)[3].pid)
  end))

  -- An answer for another invocation, a second one, one of a client that has been overtaken: none
  -- settles anything.
  it("refuses answers that are not for this invocation", task(function(folder)
    send(folder, { { "other", "no-such-id", "x" }, { "stale", "x" }, { "answer" }, { "answer" } })
    policy(folder)
    local log = drain(folder)
    assert.same({ "complete" }, outcome_words(log))
    assert.same({ { 400, 410, 202, 403 } }, statuses(folder))
  end))

  it("may answer 6 MiB and 100 bytes, and not one more", task(function(folder)
    local limit = 6 * 1024 * 1024 + 100
    send(folder, { { "large", limit } }, { { "large", limit + 1 } })
    policy(folder, "max_receives = 1,")
    local log = drain(folder)
    assert.same({ "complete", "retry" }, outcome_words(log))
    assert.same({ { 202 }, { 413 } }, statuses(folder))
    assert.matches("Function.ResponseSizeTooLarge", log)
  end))

  it("may send a header of 1 MiB", task(function(folder)
    send(folder, { { "header", 1024 * 1024 - 1 } })
    policy(folder, "max_receives = 1,")
    assert.same({ "retry" }, outcome_words(drain(folder)))
    assert.same({ { 202 } }, statuses(folder))
  end))

  it("may stream its answer, and tell an error in the trailers", task(function(folder)
    send(folder, { { "stream", "{}" } }, { { "stream", "half", "StreamError", "broke off" } })
    policy(folder, "max_receives = 1,")
    local log = drain(folder)
    assert.same({ "complete", "retry" }, outcome_words(log))
    assert.matches("StreamError: broke off", log)
  end))

  it("is killed when it outlives the time limit, and its message comes back", task(function(folder)
    send(folder, { { "deaf" }, { "sleep", 60 } }, { { "answer" } })
    policy(folder, "timeout = 3, max_receives = 1,")
    local log = drain(folder)
    local words = outcome_words(log)
    table.sort(words)
    assert.same({ "complete", "retry" }, words)
    assert.matches("timed out after 3 s", log)
  end))

  -- Node keeps its loop alive for minutes after an answer.
  it("has its message deleted at the answer, not when it asks again", task(function(folder)
    send(folder, { { "answer" }, { "sleep", 30 } })
    policy(folder)
    local child = workshop.start(folder, { "run", "policy.lua" })
    eventually(function() return child:output():find('"outcome":"complete"', 1, true) end)
    child:stop(0.1)
    child:wait()
  end))

  -- The runtime that had been asked for was forgotten, and all other messages waited forever.
  it("gets the next message when no event could be made of one", task(function(folder)
    send(folder, "bad", { { "answer" } }, "bad", { { "answer" } })
    policy(folder, "max_receives = 1,", [[event = function(jobs)
      if jobs[1].message == "bad" then error "no event of it" end
      return { Records = { { messageId = jobs[1].id, body = jobs[1].message } } } end,]])
    local log = drain(folder)
    assert.same({ "complete", "complete", "retry", "retry" }, resident.words(log))
    assert.matches("the policy's function 'event' failed: .-no event of it", log)
  end))

  it("bears the id of each message in its log lines, also without a newline and joined by CR",
    task(function(folder)
      send(folder, { { "print", "first\rsecond" }, { "answer" } }, { { "print", "third\n" },
        { "answer" } })
      policy(folder)
      local log = drain(folder)
      local seen = seen_of(folder)
      for index, text in ipairs { "first", "second", "third" } do
        local id = seen[index < 3 and 1 or 2].ids[1]
        assert.is_truthy(log:find(("[worker] [%s] %s\n"):format(id, text), 1, true), log)
      end
    end))

  it("says why it cannot start, in the words of its runtime, and is tried again later",
    task(function(folder)
      folder:write("app.py", "import nothing_of_this_name\n")
      workshop.send(folder, { "one" })
      folder:write("policy.lua", ([[return require "watchbot".policy { queue = %q, probe = 1,
        lambda = { command = { "python3", %q }, handler = "app.handler" } }]]):format(folder:url(),
        resident.runtimes .. "ric.py"))
      local child = workshop.start(folder, { "run", "policy.lua" })
      eventually(function() return child:output():find "ModuleNotFoundError: No module named" end)
      folder:write("app.py", "def handler(event, context):\n  return 1\n")
      eventually(function() return child:output():find('"outcome":"complete"', 1, true) end)
      child:stop(1)
      child:wait()
    end))

  it("cannot start when its program is missing, ends at once, or never asks", task(function(folder)
    for _, case in ipairs {
      { [[{ "./no-such-program" }]], "could not start './no%-such%-program'" },
      { [["exit 7"]], "the runtime could not be started: it ended with exit code 7" },
      { [["sleep 60", init_timeout = 0.3]], "it did not ask for its first message within 0.3 s" },
    } do
      folder:write("policy.lua", ([[return require "watchbot".policy { queue = %q, kill_grace = 0.2,
        lambda = { command = %s } }]]):format(folder:url(), case[1]))
      workshop.send(folder, { "one" })
      local child = workshop.start(folder, { "run", "policy.lua" })
      eventually(function() return child:output():find(case[2]) end, case[2])
      child:stop(1)
      child:wait()
      -- The task that answers its port began when that was closed already, and failed.
      assert.is_nil(child:output():find("traceback", 1, true), child:output())
    end
  end))

  it("lets what runs finish at a drain, and gives back what waits", task(function(folder)
    local first = { { "print", "it runs\n" }, { "sleep", 0.7 }, { "answer" } }
    send(folder, first, { { "answer" } }, { { "answer" } })
    policy(folder, "drain = 60,", "batch = 1,", "policy.workers = 1")
    local child = workshop.start(folder, { "run", "policy.lua" })
    eventually(function() return child:output():find("] it runs", 1, true) end)
    child:kill "TERM"
    local exit = assert(child:wait(workshop.PATIENCE))
    assert.equal(0, exit.code)
    local log = child:output()
    assert.same({ "complete" }, outcome_words(log))
    local queue = assert(require "watchbot.queue".open(folder:url()))
    assert.equal(2, queue:counts().visible)
    queue:close()
  end))

  -- What a function had started in another session lived on next to the runtime that replaced it.
  it("takes what it has started with it when it is replaced", task(function(folder)
    send(folder, { { "leave" }, { "answer" } }, { { "answer" } })
    policy(folder, "", "recycle = { jobs = 1 },")
    local child = workshop.start(folder, { "run", "policy.lua" })
    eventually(function() return #seen_of(folder) == 2 end, "both are done")
    eventually(function() return #workshop.processes_with "LEFT_BY=scripted" == 0 end,
      "no process of the first is left")
    child:stop(1)
    child:wait()
  end))

  it("replaces a runtime after so many messages, and one that has grown", task(function(folder)
    send(folder, { { "answer" } }, { { "answer" } }, { { "answer" } }, { { "answer" } })
    policy(folder, "", "recycle = { jobs = 2 },")
    assert.same({ "complete", "complete", "complete", "complete" }, outcome_words(drain(folder)))
    local pids = {}
    for index, one in ipairs(seen_of(folder)) do pids[index] = one.pid end
    assert.equal(pids[1], pids[2])
    assert.equal(pids[3], pids[4])
    assert.are_not.equal(pids[1], pids[3])
  end))
end)
