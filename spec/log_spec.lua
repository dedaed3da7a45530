local cjson = require "cjson"

local log = require "watchbot.log"
local shell = require "support.shell"

local DATE = "%[%a%a%a, %d%d %a%a%a %d%d%d%d %d%d:%d%d:%d%d GMT%]"
local UNKNOWN = "\u{FFFD}"

local folder

setup(function() folder = shell.folder() end)
teardown(function() shell.remove(folder) end)

-- Runs Lua in a separate process with log and scheduler; descriptor 3 is the log `out`. The
-- first %s of `command` is the command that runs it. What it returns goes to `folder/result`.
local function run(source, command)
  shell.write(folder .. "/script.lua", ([[
    local log, scheduler = require "watchbot.log", require "watchbot.scheduler"
    local null = require "cjson".null
    local function pack(...)
      local values = { ... }
      for index = 1, select("#", ...) do if values[index] == nil then values[index] = null end end
      return values
    end
    local function flags()
      for line in io.lines "/proc/self/fdinfo/3" do
        local octal = line:match "^flags:%%s*(%%d+)"
        if octal then return tonumber(octal, 8) end
      end
    end
    local result = pack(scheduler.run(function() %s end))
    local file <close> = assert(io.open(%q, "w"))
    file:write(require "cjson".encode(result))
  ]]):format(source, folder .. "/result"))
  os.remove(folder .. "/result")
  local out, code = shell.run((command:gsub("%%s",
    function() return shell.lua(folder .. "/script.lua") end)))
  assert.are.equal(0, code, out)
  return cjson.decode(shell.read(folder .. "/result")), out
end

local function to_file(source)
  local result = run(source, "%s 3>" .. folder .. "/out")
  return result, shell.read(folder .. "/out")
end

describe("a line of text", function()
  it("has the date, the category and the id before it", function()
    assert.matches("^" .. DATE .. " %[worker%] %[id%-1%] hello\n$",
      log.line("text", "worker", "id-1", "hello"))
    assert.matches("^" .. DATE .. " %[watcher%] hello\n$",
      log.line("text", "watcher", nil, "hello"))
  end)

  -- An id with a newline made the rest of the label a line of the watcher's.
  it("has the id in one label, whatever is in it", function()
    for id, label in pairs {
      ["a\r\n[watcher] x"] = [[a\r\n[watcher\u005d x]],
      ["a] {\"outcome\":"] = [[a\u005d {\"outcome\":]], ["]]"] = [[\u005d\u005d]],
      ["\27[2J\u{9b}6n\u{202e}"] = [[\u001b[2J\u009b6n\u202e]], ["\xff"] = [[\ufffd]],
      ["]"] = [[\u005d]], [""] = "",
    } do
      local line = log.line("text", "worker", id, "hello")
      local shown = line:match("^" .. DATE .. " %[worker%] %[([^%]\n]*)%] hello\n$")
      assert.are.equal(label, shown, line)
    end
  end)

  it("tells the time, in UTC", function()
    local before = os.time()
    local line = log.line("text", "worker", nil, "x")
    local after = os.time()
    local possible = {}
    -- The clock of the kernel's tick may be one tick behind.
    for time = before - 1, after do possible[os.date("!%a, %d %b %Y %H:%M:%S GMT", time)] = true end
    assert.is_true(possible[line:match "%[(.-)%]"])
  end)

  it("is made of each line of a text, whether a newline ends the last or not", function()
    for _, text in ipairs { "one\ntwo", "one\ntwo\n" } do
      assert.matches("^" .. DATE .. " %[w%] one\n" .. DATE .. " %[w%] two\n$",
        log.line("text", "w", nil, text))
    end
  end)

  it("keeps every byte, NUL too", function()
    local bytes = {}
    for byte = 0, 255 do bytes[#bytes + 1] = byte ~= 10 and string.char(byte) or "" end
    local text = table.concat(bytes)
    assert.are.equal(text, log.line("text", "w", nil, text):match "%[w%] (.*)\n$")
  end)

  -- An empty text was no bytes, so it was no line: log("") wrote nothing where print("") writes a
  -- newline.
  it("can be empty", function()
    assert.matches("^" .. DATE .. " %[w%] \n$", log.line("text", "w", nil, ""))
    assert.matches("^" .. DATE .. " %[w%] \n$", log.line("text", "w", nil, "\n"))
  end)

  -- A text of more than 1 MiB without a newline was taken for the begin of a line that does not fit
  -- in memory, and went to a temporary file, which a single line has no output for: the process
  -- crashed.
  it("can be longer than what is kept of a line that is not complete", function()
    local text = ("x"):rep(3 << 20)
    assert.are.equal(text, log.line("text", "w", nil, text):match "%[w%] (x*)\n$")
  end)
end)

describe("a line of JSON", function()
  local function decode(text, id)
    local line = log.line("json", "worker", id, text)
    assert.are.equal(#line, line:find("\n", 1, true), "one line")
    return cjson.decode(line)
  end

  it("is an object like bunyan's", function()
    local object = decode("hello", "id-1")
    assert.matches("^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d%.%d%d%dZ$", object.time)
    assert.is_true(object.pid > 0 and #object.hostname > 0)
    object.time, object.pid, object.hostname = nil, nil, nil
    assert.are.same({ v = 0, level = 30, name = "worker", watchbot_sqs_message_id = "id-1",
      msg = "hello" }, object)
    assert.is_nil(decode("hello").watchbot_sqs_message_id)
  end)

  it("escapes what a string cannot hold", function()
    local text = 'quote " backslash \\ tab \t newline \n return \r null \0 escape \27 delete \127 '
      .. 'é € 😀'
    assert.are.equal(text, decode(text).msg)
  end)

  it("replaces what is not UTF-8", function()
    for bytes, expected in pairs {
      ["a\xffb"] = "a" .. UNKNOWN .. "b",
      ["\xc0\xaf"] = UNKNOWN:rep(2),     -- an overlong slash
      ["\xed\xa0\x80"] = UNKNOWN:rep(3), -- a surrogate
      ["\xf4\x90\x80\x80"] = UNKNOWN:rep(4), -- past U+10FFFF
      ["cut \xe2\x82"] = "cut " .. UNKNOWN:rep(2),
    } do
      assert.are.equal(expected, decode(bytes).msg)
    end
  end)

  it("takes in a line that is an object, whose members win", function()
    local object = decode(
      ' {"level":50,"tile":{"z":3,"level":1},"list":[1,{"name":2}],"msg":"mine"} ', "id-1")
    assert.are.equal(50, object.level)
    assert.are.equal("mine", object.msg)
    assert.are.same({ z = 3, level = 1 }, object.tile)
    assert.are.same({ 1, { name = 2 } }, object.list)
    assert.are.equal("worker", object.name)
    assert.are.equal("id-1", object.watchbot_sqs_message_id)
  end)

  -- A task that printed {"name":"watcher","outcome":"retry"} rang the watcher's alarms for others.
  it("names each member once; those that say whose line it is are ours alone", function()
    local object = decode('{"v":1,"level":2,"name":"watcher","hostname":"h","pid":3,"time":"t",'
      .. '"watchbot_sqs_message_id":"x"}')
    assert.are.same({ 1, 2, "worker", "t", nil },
      { object.v, object.level, object.name, object.time, object.watchbot_sqs_message_id })
    assert.are.same({ "watcher", "h", 3, "x" },
      {
        object.task_name, object.task_hostname, object.task_pid,
        object.task_watchbot_sqs_message_id,
      })
    assert.are_not.equal("h", object.hostname)
    local line = log.line("json", "worker", "id-1", '{"v":1,"level":2,"time":"t"}')
    assert.are.equal(1, select(2, line:gsub('"v":', "")))
    assert.are.equal(1, select(2, line:gsub('"time":', "")))
  end)

  it("is not deceived by escapes, repetitions or depth", function()
    for _, text in ipairs {
      '{"n\\u0061me":"watcher"}', '{"\\u006E\\u0061\\u006d\\u0065":"watcher"}',
        '{"name":"a","name":"watcher"}',
      '{"a":{"name":1},"name":"watcher","b":[{"name":2}]}', ' { "name" : "watcher" } ',
    } do
      assert.are.equal("worker", decode(text).name, text)
    end
    assert.are.same({ name = 1 }, decode('{"a":{"name":1},"name":"watcher"}').a)
    assert.are.equal("w", decode('{"N\\u0061me":"w"}').Name)
  end)

  it("takes in an empty object", function()
    assert.is_nil(decode("{ }").msg)
    assert.are.equal(30, decode("{ }").level)
  end)

  -- The newlines of an object that was printed for people were copied: one log line became several,
  -- none of them JSON.
  it("stays one line when the object has newlines", function()
    assert.are.same({ 1, 2 }, decode('{\n  "a": [\r\n    1,\n    2\n  ]\n}\n').a)
  end)

  it("has as text what is almost an object", function()
    for _, text in ipairs {
      "{", "{}}", '{"a":1,}', '{"a" 1}', "{'a':1}", "{a:1}", '{"a":01}', '{"a":1.}', '{"a":+1}',
      '{"a":NaN}', '{"a":"\t"}',
      '{"a":"\xff"}', '{"a":"\\x"}', '{"a":"\\u12g4"}', "[1]", "1", '"text"', "null", "",
        '{"a":1} {"b":2}', '{"a":[1}',
      '{"a":tru}', '{"a"}', '{"a":-}', '{"a":1e}', "{\0}",
    } do
      assert.are.equal((text:gsub("\xff", UNKNOWN)), decode(text).msg, text)
    end
  end)

  it("does not look into what is nested too deeply", function()
    local deep = '{"a":' .. ("["):rep(64) .. ("]"):rep(64) .. "}"
    assert.are.equal(deep, decode(deep).msg)
    assert.is_table(decode('{"a":' .. ("["):rep(63) .. ("]"):rep(63) .. "}").a)
  end)
end)

describe("a worker's log", function()
  local function worker(source, environment)
    shell.write(folder .. "/worker.lua", "local log = require('watchbot').log\n" .. source)
    return shell.run(("env -u MessageId -u structuredLogging %s %s 2>&1"):format(environment or "",
      shell.lua(folder .. "/worker.lua")))
  end

  it("writes its values as print does, with the id from $MessageId", function()
    local out = worker([[
      log("tile", 7, 2.0, nil, true,
        setmetatable({}, { __tostring = function() return "seven" end }))
      log(setmetatable({}, { __name = "Tile" }))
      log()
      log(nil)
    ]], "MessageId=id-1")
    local lines = {}
    for line in out:gmatch "(.-)\n" do
      lines[#lines + 1] = line:match("^" .. DATE .. " %[worker%] %[id%-1%] (.*)$")
    end
    assert.are.equal("tile\t7\t2.0\tnil\ttrue\tseven", lines[1])
    assert.matches("^Tile: 0x%x+$", lines[2])
    assert.are.equal("", lines[3])
    assert.are.equal("nil", lines[4])
  end)

  it("has no id where there is none", function()
    assert.matches("^" .. DATE .. " %[worker%] x\n$", (worker "log 'x'"))
    assert.matches("^" .. DATE .. " %[worker%] x\n$", (worker("log 'x'", "MessageId=")))
  end)

  it("keeps the order of what print and io.write write", function()
    local out = worker "io.write 'one\\n' log 'two' print 'three' log 'four'"
    assert.matches("^one\n.- two\nthree\n.- four\n$", out)
  end)

  it("writes JSON with structuredLogging=true", function()
    local out = worker('log("a", 1) log [[{"tile":7}]]', "MessageId=id-1 structuredLogging=true")
    local first, second = out:match "^(.-)\n(.-)\n$"
    assert.are.equal("a\t1", cjson.decode(first).msg)
    assert.are.equal("id-1", cjson.decode(first).watchbot_sqs_message_id)
    assert.are.equal(7, cjson.decode(second).tile)
  end)

  it("raises as print does for a value that cannot be text", function()
    local bad = {
      setmetatable({}, { __tostring = function() return {} end }),
      setmetatable({}, { __tostring = function() error("no text", 0) end }),
    }
    for _, value in ipairs(bad) do
      local _, expected = pcall(print, value)
      local ok, err = pcall(log.worker, value)
      assert.is_false(ok)
      assert.are.equal(expected, (err:gsub("^.-log.lua:%d+: ", "")))
    end
  end)
end)

describe("a log", function()
  it("writes its lines in order", function()
    local result, out = to_file [[
      local out <close> = log.open(3)
      for index = 1, 1000 do out:write("worker", "id", "line " .. index) end
      return out:drain(), out:pending(), out:format()
    ]]
    assert.are.same({ true, 0, "text" }, result)
    local index = 0
    for line in out:gmatch "[^\n]+" do
      index = index + 1
      assert.matches("%[worker%] %[id%] line " .. index .. "$", line)
    end
    assert.are.equal(1000, index)
  end)

  it("has levels in JSON", function()
    local _, out = to_file [[
      local out <close> = log.open(3, "json")
      out:write("watcher", nil, "bad", 50)
      out:write("watcher", nil, '{"event":"x"}', 40)
    ]]
    local first, second = out:match "^(.-)\n(.-)\n$"
    assert.are.equal(50, cjson.decode(first).level)
    assert.are.equal(40, cjson.decode(second).level)
    assert.are.equal("x", cjson.decode(second).event)
  end)

  it("writes at its close what can be written", function()
    local _, out = to_file
      'log.open(3):close() local out <close> = log.open(3) out:write("w", nil, "last")'
    assert.matches("last\n$", out)
  end)

  it("can be closed twice, and then writes nothing", function()
    local result = to_file [[
      local out = log.open(3)
      out:close()
      out:close()
      return pcall(out.write, out, "w", nil, "x")
    ]]
    assert.is_false(result[1])
    assert.matches("the log is closed", result[2])
  end)

  it("refuses a descriptor that is not open, and a format that it does not know", function()
    local result = to_file "return log.open(77)"
    assert.are.same({ cjson.null,
      "could not write the log to file descriptor 77: bad file descriptor", "EBADF" }, result)
    assert.has_error(function() log.open(1, "xml") end)
    assert.has_error(function() log.line("xml", "w", nil, "x") end)
  end)
end)

describe("a log whose reader is slow", function()
  it("does not hold up the writer, and says that it is full", function()
    local result, out = run([[
      local out <close> = log.open(3)
      local line, before = ("x"):rep(999), out:full()
      for _ = 1, 3000 do out:write("w", nil, line) end
      local full, pending = out:full(), out:pending()
      local timed_out, err, code = out:drain(0.05)
      assert(io.open(os.getenv "READY", "w")):close()
      assert(out:drain(30))
      return before, full, pending, timed_out, err, code, out:full(), out:pending()
    ]], ([[READY=%s/ready; export READY; rm -f $READY
      %%s 3>&1 | { while [ ! -e $READY ]; do sleep 0.01; done; wc -l; }]]):format(folder))
    assert.is_false(result[1])
    assert.is_true(result[2])
    assert.is_true(result[3] > 3000 * 999)
    assert.are.equal(cjson.null, result[4])
    assert.matches("^drain: %d+ bytes of the log were not taken within 0.05 s$", result[5])
    assert.are.equal("Timeout", result[6])
    assert.is_false(result[7])
    assert.are.equal(0, result[8])
    assert.are.equal("3000", out:match "%d+")
  end)

  it("closes without it", function()
    local result = run([[
      local out = log.open(3)
      for _ = 1, 3000 do out:write("w", nil, ("x"):rep(999)) end
      local waiter = scheduler.spawn(function() return out:drain() end)
      scheduler.sleep(0.02)
      out:close()
      return waiter:join()
    ]], ("mkfifo %s/fifo; exec 4<>%s/fifo; %%s 3>%s/fifo"):format(folder, folder, folder))
    assert.are.same({ true, cjson.null, "drain: the log was closed", "Closed" }, result)
  end)

  it("keeps lines whole between others that write to the same pipe", function()
    local _, out = run([[
      local out <close> = log.open(3)
      for index = 1, 500 do out:write("w", nil, "line " .. index) scheduler.sleep(0) end
      return out:drain(30)
    ]], [[{ %s 3>&1 & for i in $(seq 500); do echo "other $i"; done; wait $!; } | cat]])
    local own, others = 0, 0
    for line in out:gmatch "[^\n]+" do
      if line:match "^%[.-%] %[w%] line %d+$" then own = own + 1 end
      if line:match "^other %d+$" then others = others + 1 end
    end
    assert.are.same({ 500, 500 }, { own, others })
  end)
end)

describe("a log whose reader is gone", function()
  it("fails once, for good, and no signal reaches the process", function()
    local result = run([[
      local out <close> = log.open(3)
      assert(out:error() == nil)
      assert(io.open(os.getenv "READY", "w")):close()
      while not out:error() do out:write("w", nil, "x") scheduler.sleep(0.01) end
      for _ = 1, 5000 do out:write("w", nil, ("x"):rep(999)) end
      local err, code = out:error()
      local drained, why, drain_code = out:drain()
      return err, code, drained, why, drain_code, out:pending(), out:full()
    ]], ([[READY=%s/ready; export READY; rm -f $READY
      { %%s 3>&1 >&-; echo $? >%s/code; } | { while [ ! -e $READY ]; do sleep 0.01; done; }
      exit $(cat %s/code)]]):format(folder, folder, folder))
    assert.are.same({ "could not write the log: broken pipe", "EPIPE", cjson.null,
      "could not write the log: broken pipe", "EPIPE", 0, false }, result)
  end)

  it("fails also when it was gone before the log was opened", function()
    local result = run([[
      os.execute "while [ -e $READY ]; do sleep 0.01; done"
      local out <close> = log.open(3)
      out:write("w", nil, "x")
      return select(3, out:drain())
    ]], ([[READY=%s/ready; export READY; : >$READY
      { %%s 3>&1 >&-; echo $? >%s/code; } | { exec <&-; rm $READY; }
      exit $(cat %s/code)]]):format(folder, folder, folder))
    assert.are.equal("EPIPE", result[1])
  end)
end)

describe("a log on a full disk", function()
  it("does not hold up who writes, and goes on waiting", function()
    local result = run([[
      local out <close> = log.open(3)
      for _ = 1, 5000 do out:write("w", nil, ("x"):rep(999)) scheduler.sleep(0) end
      return out:full(), out:pending() > 0, out:pending() < 2 << 20, out:error(),
        select(3, out:drain(0.01))
    ]], "%s 3>/dev/full")
    assert.are.same({ false, true, true, cjson.null, "Timeout" }, result)
  end)

  -- Going past the limit on the size of files sends SIGXFSZ, whose default is to end the process:
  -- the watcher was killed by its own log.
  it("survives the limit on the size of files, drops whole lines, counts them, and goes on once "
    .. "there is room", function()
    local _, _ = run([[
      local out <close> = log.open(3)
      local count = 4000
      for index = 1, count do out:write("w", nil, index .. " " .. ("x"):rep(999))
      scheduler.sleep(0) end
      assert(out:pending() > 0)
      os.execute(": >" .. os.getenv "OUT")
      while out:pending() > 0 do
        os.execute "ulimit -S -f unlimited; cat $OUT >>$OUT.kept; : >$OUT"
        scheduler.sleep(0.2)
      end
      out:write("w", nil, "after")
      assert(out:drain(30))
    ]], ([[OUT=%s/limited; export OUT; : >$OUT; : >$OUT.kept;
      ulimit -S -f 1024; %%s 3>>$OUT]]):format(folder))
    local lines, last, dropped = 0, nil, nil
    local text = shell.read(folder .. "/limited.kept") .. shell.read(folder .. "/limited")
    for line in text:gmatch "[^\n]+" do
      last = line
      dropped = dropped or line:match '"lines":(%d+)'
      if line:match "%[w%] %d+ x+$" then lines = lines + 1 end
    end
    assert.matches("after$", last)
    assert.is_truthy(dropped)
    assert.is_true(lines > 0 and tonumber(dropped) > 0 and lines + dropped <= 4000)
  end)
end)

describe("what a log is written to", function()
  local source = [[
    local before = flags()
    local out <close> = log.open(3)
    for _ = 1, 200 do out:write("w", nil, ("x"):rep(99)) end
    scheduler.sleep(0)
    local during = flags()
    assert(out:drain(30))
    return before == during and before == flags()
  ]]
  local function lines(out)
    local _, count = out:gsub("%[w%] x+\r?\n", "")
    return count
  end

  -- O_NONBLOCK belongs to the open file, which a parent, a shell and other programs share: `make
  -- test | less` broke for them.
  it("is a pipe, whose flags stay as they were for the others that have it", function()
    local result, out = run(source, "%s 3>&1 | cat")
    assert.is_true(result[1])
    assert.are.equal(200, lines(out))
  end)

  it("is a pipe that cannot be opened anew", function()
    local hide = "unshare -rm env ASAN_OPTIONS=detect_leaks=0 sh -c 'mount -t tmpfs none /proc && "
      .. "%s'"
    if select(2, shell.run((hide:format "true"))) ~= 0 then
      return pending "needs a mount namespace of its own (unshare -rm), which is not allowed here"
    end
    local _, out = run((source:gsub("flags%(%)", "7")),
      (hide:format "exec \"$0\" \"$@\""):gsub("%%", "%%%%")
      .. " %s 3>&1 | { sleep 0.1; cat; }")
    assert.are.equal(200, lines(out))
  end)

  it("is a terminal", function()
    local _, out = run(source,
      ("script -qec %s /dev/null </dev/null"):format(shell.quote(shell.lua(folder .. "/script.lua")
      .. " 3>&1")))
    assert.are.equal(200, lines(out))
  end)

  it("is a socket, whose flags stay as they were, whether its other end reads or is gone",
    function()
    shell.write(folder .. "/pair.py", [[
import socket, subprocess, sys
here, there = socket.socketpair()
child = subprocess.Popen(["sh", "-c", 'exec "$@" 3>&1', "sh"] + sys.argv[2:], stdout=there)
there.close()
got = b""
while sys.argv[1] == "read":
    piece = here.recv(4096)
    if not piece: break
    got += piece
here.close()
status = child.wait()
sys.stdout.write(got.decode())
sys.exit(status)
]])
    local result, out = run(source, ("python3 %s/pair.py read %%s"):format(folder))
    assert.is_true(result[1])
    assert.are.equal(200, lines(out))
    result = run([[
      local out <close> = log.open(3)
      while not out:error() do out:write("w", nil, "x") scheduler.sleep(0.01) end
      return (select(2, out:error()))
    ]], ("python3 %s/pair.py close %%s"):format(folder))
    assert.is_truthy(({ EPIPE = true, ECONNRESET = true })[result[1]])
  end)
end)

-- N5: while the log was not read, it grew in memory with the watcher's lines.
describe("a log that nobody reads", function()
  it("keeps 16 MiB, drops whole lines, and says how many once there is room", function()
    local result, out = run([[
      local out <close> = log.open(3)
      local line = ("x"):rep(9999)
      for _ = 1, 4000 do out:write("w", nil, line) end
      local pending, dropped = out:pending(), out:dropped()
      assert(io.open(os.getenv "READY", "w")):close()
      assert(out:drain(60))
      out:write("w", nil, "after")
      assert(out:drain(60))
      return pending, dropped, out:dropped()
    ]], ([[READY=%s/read-now; export READY; rm -f $READY
      %%s 3>&1 | { while [ ! -e $READY ]; do sleep 0.01; done; cut -c 32-200; }]]):format(folder))
    assert.is_true(result[1] <= (16 << 20) + 20000)
    assert.is_true(result[2] > 2000)
    assert.are.equal(result[2], result[3])
    local _, lines = out:gsub("%[w%] x+\n", "")
    assert.are.equal(4000, lines + result[2])
    assert.matches(('{"event":"log lines dropped","lines":%d}\n[^\n]*after\n$'):format(result[2]),
      out)
  end)

  it("counts those after its reader has gone", function()
    local result = run([[
      local out <close> = log.open(3)
      out:write("w", nil, "one")
      out:drain(30)
      for _ = 1, 5 do out:write("w", nil, "two\nlines") end
      return out:dropped()
    ]], "%s 3>&1 >/dev/null | :")
    assert.is_true(result[1] >= 10)
  end)
end)

-- logrotate's copytruncate left a hole of the old file's size, which pagers show as zero bytes.
describe("a log file that is truncated", function()
  for opened, redirection in pairs { ["written"] = ">", ["appended to"] = ">>" } do
    it("goes on at its start, when it is " .. opened, function()
      local _ = run([[
        local out <close> = log.open(3)
        out:write("w", nil, ("x"):rep(5000))
        assert(out:drain(30))
        os.execute(": >$OUT")
        out:write("w", nil, "after")
        assert(out:drain(30))
      ]], ("OUT=%s/rotated; export OUT; : >$OUT; %%s 3%s$OUT"):format(folder, redirection))
      assert.matches("^%[[^\n]*%] %[w%] after\n$", shell.read(folder .. "/rotated"))
    end)
  end
end)
