-- `watchbot jobs` on an embedded queue, with watchers at work.

local cjson = require "cjson"
local open = require "watchbot.queue".open
local tmux = require "support.tmux"
local workshop = require "support.workshop"

local task = workshop.task

local NOBODY = { StackName = false, QueueUrl = false }

local function run(folder, ...)
  local arguments = { "jobs", ... }
  table.move({ "--queue", folder:url() }, 1, 2, #arguments + 1, arguments)
  local exit, out, problem = workshop.run(folder, arguments, { StackName = false })
  return exit.code, out, problem
end

local function rows(folder, ...)
  local code, out, problem = run(folder, "--json", ...)
  assert(code == 0, problem)
  local all = {}
  for line in out:gmatch "[^\n]+" do all[#all + 1] = cjson.decode(line) end
  return all
end

local POLICY = [[
local policy = require "watchbot".policy {
  queue = "sqlite:jobs.db", history = 3600, workers = 4, max_receives = 2, kill_grace = 30,
  command = "echo begun; case $Message in ok) ;; long) sleep 600 & wait ;; "
    .. "*) echo why >&2; exit 7 ;; esac",
}
function policy:backoff() return 600 end
return policy]]

-- A watcher that has seen one message succeed, one fail, and that runs one.
local function at_work(folder)
  folder:write("policy.lua", POLICY)
  workshop.send(folder, { "ok", "bad", "long" }, "--subject", "the subject")
  local watcher = workshop.start(folder, { "run", "policy.lua" })
  workshop.eventually(function()
    local states = {}
    for _, row in ipairs(rows(folder)) do states[row.state] = row end
    return states.running and states.done and states.delayed and states.failed
  end, "one job of each state")
  return watcher
end

local function id_of(folder, ...)
  return rows(folder, ...)[1].id
end

describe("watchbot jobs", function()
  it("lists what runs, waits and has ended", task(function(folder)
    local watcher <close> = at_work(folder)
    workshop.send(folder, { "later" }, "--delay", "900")
    local code, out = run(folder)
    assert.are.equal(0, code)
    assert.matches("^running  %x+%-%S+ +%d+ s +1  the subject: long\n", out)
    assert.matches("\ndelayed  %S+ +in %d+ m %d+ s +1  %(exit code 7%) the subject: bad\n", out)
    assert.matches("\ndelayed  %S+ +in 14 m %d+ s +0  later\n", out)
    assert.matches("\nfailed   %S+ +%d+ s +1  retry, exit code 7, after [%d.]+ m?s the subject\n",
      out)
    assert.matches("\ndone     %S+ +%d+ s +1  complete, after [%d.]+ m?s the subject\n", out)
    assert.are.equal(1, #rows(folder, "--state", "running"))
    assert.are.equal(2, #rows(folder, "--state", "running", "--state", "failed"))
    assert.are.equal(1, #rows(folder, "--match", "later"))
    assert.are.equal(5, #rows(folder, "--since", "10m"))
    assert.are.equal(0, #rows(folder, "--since", "2100-01-01"))
    local empty, nothing, problem = run(folder, "--match", "nowhere")
    assert.are.same({ 0, "", "watchbot: jobs: none found\n" }, { empty, nothing, problem })
    watcher:kill "KILL"
  end))

  it("says how to read on, and reads on", task(function(folder)
    local lines = {}
    for index = 1, 25 do lines[index] = ("message-%02d"):format(index) end
    workshop.send(folder, lines)
    local seen, after = {}, {}
    repeat
      local code, out, problem = run(folder, "--limit", "10", table.unpack(after))
      assert.are.equal(0, code)
      for body in out:gmatch "message%-%d+" do seen[#seen + 1] = body end
      local cursor = problem:match "%-%-after (%S+)"
      after = cursor and { "--after", cursor } or nil
    until not after
    assert.are.same(lines, seen)
    assert.are.equal(25, #rows(folder, "--limit", "0"))
  end))

  it("shows a job whole, with its attempts and what they printed", task(function(folder)
    local watcher <close> = at_work(folder)
    local id = id_of(folder, "--state", "failed")
    local code, out = run(folder, "show", id)
    assert.are.equal(0, code)
    assert.matches("^id +" .. id:gsub("%-", "%%-") .. "\nstate +delayed\nsent +%d", out)
    assert.matches("\nnext try +%d", out)
    assert.matches("\nsubject +the subject\n\nbad\n", out)
    assert.matches("\nattempt 1: retry, exit code 7, after [%d.]+ m?s\n  ended %S+, waited [^\n]+, "
      .. "CPU [^\n]+\n    begun\n    why\n$", out)
    local one = rows(folder, "show", id)[1]
    assert.are.same({ "delayed", "bad", 1, "begun\nwhy\n", 7 }, {
      one.state, one.message, #one.attempts, one.attempts[1].output, one.attempts[1].code,
    })
    assert.matches("^%d+%-%d+%-%d+T", one.attempts[1].ended)
    local missing, nothing, problem = run(folder, "show", "nobody")
    assert.are.same({ 1, "" }, { missing, nothing })
    assert.matches("no message 'nobody' is in the queue", problem)
    watcher:kill "KILL"
  end))

  it("cancels what waits and what runs, and retries what backs off", task(function(folder)
    local watcher <close> = at_work(folder)
    workshop.send(folder, { "later" }, "--delay", "900")
    local running, delayed = id_of(folder, "--state", "running"), id_of(folder, "--match", "later")
    local code, out = run(folder, "cancel", running, delayed)
    assert.are.equal(0, code)
    assert.matches(" runs: its watcher stops it within seconds", out)
    assert.matches(" is cancelled\n", out)
    workshop.eventually(function() return #rows(folder, "--state", "running") == 0 end, "it stops")
    local ended = rows(folder, "show", running)[1]
    assert.are.same({ "failed", "cancelled", "TERM" },
      { ended.state, ended.attempts[1].outcome, ended.attempts[1].signal })
    local again, _, problem = run(folder, "cancel", running)
    assert.are.equal(1, again)
    assert.matches("has ended already: see watchbot jobs show", problem)
    -- Its second receive is its last one.
    local bad = id_of(folder, "--match", "why")
    code, out = run(folder, "retry", bad)
    assert.are.same({ 0, bad .. " is visible now\n" }, { code, out })
    workshop.eventually(function()
      return #rows(folder, "show", bad)[1].attempts == 2
    end, "the second attempt")
    code, out = run(folder, "retry", bad)
    assert.are.same({ 0, bad .. " is visible now\n" }, { code, out })
    workshop.eventually(function() return #rows(folder, "--state", "dead") == 1 end, "it is dead")
    code, _, problem = run(folder, "retry", bad)
    assert.are.equal(1, code)
    assert.matches("is a dead letter: see watchbot dead%-letter replay", problem)
    assert.are.equal(2, #rows(folder, "show", bad)[1].attempts)
    watcher:kill "KILL"
  end))

  -- A message may hold anything: it must not drive the terminal, nor forge a line.
  it("lets no message or task control the terminal", task(function(folder)
    local evil = "a\27]0;title\7\u{9b}6n\u{202e}b"
    local queue <close> = assert(open(folder:url()))
    queue:send { { body = evil, subject = evil, group = evil } }
    local message = assert(queue:receive(1, 0, 60))[1]
    queue:keep_history { seconds = 3600, rows = 10 }
    assert(queue:delay(message.receipt, 600, false, {
      id = message.id, receives = 1, outcome = "retry", reason = evil, output = evil .. "\nid x",
      subject = evil, group = evil,
    }))
    for _, arguments in ipairs { {}, { "show", message.id } } do
      local _, out = run(folder, table.unpack(arguments))
      assert.is_nil(out:find "[\27\7]")
      assert.is_nil(out:find "\u{9b}", 1, true)
      assert.is_nil(out:find("\u{202e}", 1, true))
      assert.is_truthy(out:find("\\u{1b}]0;title\\u{7}\\u{9b}6n\\u{202e}b", 1, true), out)
      assert.is_nil(out:find "\nid x")
    end
  end))

  it("colours states on a terminal", task(function(folder)
    workshop.send(folder, { "one" })
    local screen <close> = tmux.start(folder,
      workshop.program .. " jobs --queue sqlite:jobs.db", { TERM = "screen", StackName = false })
    screen:shows "%[ended 0%]"
    assert.matches("\27%[34mwaiting", screen:coloured())
  end))

  it("refuses what makes no sense, with status 2", task(function(folder)
    workshop.send(folder, { "one" })
    for _, one in ipairs {
      { { "lst" }, "unknown action 'lst'; did you mean 'list'" },
      { { "show" }, "show: name the messages by their IDs" },
      { { "cancel" }, "cancel: name the messages by their IDs" },
      { { "list", "x" }, "list takes no ID, got 'x'" },
      { { "show", "x", "--match", "y" }, "%-%-match is for list only" },
      { { "--limit", "1.5" }, "%-%-limit: expected a whole number, got '1.5'" },
      { { "--since", "yesterday" }, "%-%-since: expected how long ago" },
      { { "--state", "ok" }, "'%-%-state': expected waiting, delayed" },
      { { "--after", "nowhere" }, "the cursor 'nowhere' is not one of this list" },
    } do
      local code, out, problem = run(folder, table.unpack(one[1]))
      assert.are.same({ 2, "" }, { code, out }, problem)
      assert.matches(one[2], problem)
    end
    -- What is no queue at all was taken for one of SQS, with status 1.
    local exit, _, problem = workshop.run(folder, { "jobs", "--queue", "jobs.db" }, NOBODY)
    assert.are.equal(2, exit.code)
    assert.matches("queue 'jobs.db': expected sqlite:FILE", problem)
    exit, _, problem = workshop.run(folder, { "jobs", "--queue", "sqlite:missing.db" }, NOBODY)
    assert.are.equal(1, exit.code)
    assert.matches("missing.db", problem)
    exit, _, problem = workshop.run(folder, { "jobs" }, NOBODY)
    assert.are.equal(2, exit.code)
    assert.matches("jobs: no queue: give %-%-stack NAME, %-%-queue", problem)
  end))
end)
