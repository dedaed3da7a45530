local cjson = require "cjson"

local shell = require "support.shell"

local DATE = "%[%a%a%a, %d%d %a%a%a %d%d%d%d %d%d:%d%d:%d%d GMT%]"
local PROGRAM = shell.root .. "/" .. shell.build .. "/watchbot-log"

local folder

setup(function() folder = shell.folder() end)
teardown(function() shell.remove(folder) end)

-- Runs a command in which $log is the program; neither an id nor a format comes from outside.
local function run(command)
  return shell.run(("cd %s; unset MessageId structuredLogging; log=%s; %s"):format(folder,
    shell.quote(PROGRAM), command))
end

-- The text of each line, without what stands before it, which is checked; the last must end with a
-- newline.
local function texts(out)
  local found = {}
  for line in out:gmatch "([^\n]*)\n" do
    found[#found + 1] = assert(line:match("^" .. DATE .. " %[worker%] (.*)$"), line)
  end
  assert.is_true(out == "" or out:sub(-1) == "\n")
  return found
end

describe("watchbot-log with words", function()
  it("writes them as one line", function()
    local out, code = run "$log one 'two  three' '' four"
    assert.are.same({ "one two  three  four" }, texts(out))
    assert.are.equal(0, code)
  end)

  it("has the id from $MessageId", function()
    assert.matches("^" .. DATE .. " %[worker%] %[id%-1%] hello\n$",
      (run "MessageId=id-1 $log hello"))
    assert.are.same({ "hello" }, texts((run "MessageId= $log hello")))
  end)

  it("does not read its input", function()
    assert.matches("%[worker%] hello\nleft\n$", (run "echo left | { $log hello; cat; }"))
  end)

  it("writes each line of a word that has several, and an empty one", function()
    assert.are.same({ "one", "two" }, texts((run "$log 'one\ntwo'")))
    assert.are.same({ "" }, texts((run "$log ''")))
  end)

  it("tells how it is used, and its version", function()
    local out, code = run "$log --help"
    assert.matches("^usage: watchbot%-log", out)
    assert.are.equal(0, code)
    assert.are.equal("watchbot-log " .. require "watchbot.version" .. "\n", (run "$log --version"))
    assert.are.same({ "--help me" }, texts((run "$log --help me")))
    assert.are_not.equal(0, select(2, run "$log --help >/dev/full"))
    assert.are_not.equal(0, select(2, run "$log --version >/dev/full"))
  end)
end)

describe("watchbot-log with lines", function()
  it("writes each with what stands before it", function()
    local out, code = run "seq 3 | $log"
    assert.are.same({ "1", "2", "3" }, texts(out))
    assert.are.equal(0, code)
  end)

  it("writes nothing for no input, and a line for an empty one", function()
    assert.are.equal("", (run "$log </dev/null"))
    assert.are.same({ "", "" }, texts((run "printf '\\n\\n' | $log")))
  end)

  it("completes a last line that has no newline", function()
    assert.are.same({ "one", "two" }, texts((run "printf 'one\\ntwo' | $log")))
  end)

  it("puts together what comes in parts", function()
    assert.are.same({ "one", "two", "three" }, texts((run(
      "{ printf o; sleep 0.02; printf n; sleep 0.02; printf 'e\\ntw'; sleep 0.02; printf "
        .. "'o\\nthree'; } | $log"))))
  end)

  it("keeps every byte, NUL too", function()
    shell.write(folder .. "/bytes", "a\0b\nc\0\n\xff\xfe\r\27[1m\n")
    assert.are.same({ "a\0b", "c\0", "\xff\xfe\r\27[1m" }, texts((run "$log <bytes")))
  end)

  it("does not lose a byte at the edges of what it reads at once", function()
    local lines = {}
    for index = 1, 3000 do lines[index] = ("x"):rep(index * 7919 % 400) .. index end
    lines[#lines + 1] = ("y"):rep(131071)
    lines[#lines + 1] = ("z"):rep(131072)
    lines[#lines + 1] = ("w"):rep(131073)
    shell.write(folder .. "/many", table.concat(lines, "\n") .. "\n")
    local expected = table.concat(lines, "\n")
    assert.is_true(expected == table.concat(texts((run "$log <many")), "\n"))
    assert.is_true(expected == table.concat(texts((run "cat many | $log | cat")), "\n"))
  end)

  it("keeps a line of 10 MB whole, and what comes after it", function()
    local long = ("0123456789"):rep(1 << 20)
    shell.write(folder .. "/long", "before\n" .. long .. "\nafter\n" .. long)
    local found = texts((run "$log <long"))
    assert.are.same({ "before", "after" }, { found[1], found[3] })
    assert.is_true(#found == 4 and found[2] == long and found[4] == long)
  end)

  it("keeps a long line also where no temporary file can be made: in pieces", function()
    local long = ("0123456789"):rep(300000)
    shell.write(folder .. "/long", long .. "\n")
    assert.is_true(long == table.concat(texts((run "TMPDIR=/nowhere/at/all $log <long"))))
  end)

  it("stamps each line with the time at which it came", function()
    local out = run "{ echo one; sleep 1.1; echo two; } | $log"
    local first, second = out:match "^%[(.-)%].-\n%[(.-)%]"
    assert.are_not.equal(first, second)
  end)
end)

describe("watchbot-log with JSON", function()
  local function objects(out)
    local found = {}
    for line in out:gmatch "([^\n]*)\n" do found[#found + 1] = cjson.decode(line) end
    return found
  end

  it("writes an object a line", function()
    local object = objects((run "MessageId=id-1 structuredLogging=true $log hello"))[1]
    assert.are.equal("hello", object.msg)
    assert.are.equal("worker", object.name)
    assert.are.equal("id-1", object.watchbot_sqs_message_id)
    assert.matches("^%d+%-%d%d%-%d%dT%d%d:%d%d:%d%d%.%d%d%dZ$", object.time)
  end)

  it("is off unless structuredLogging is true", function()
    assert.are.same({ "hello" }, texts((run "structuredLogging=false $log hello")))
  end)

  it("replaces what is not UTF-8, and takes in objects", function()
    shell.write(folder .. "/mixed", 'a\xffb\n{"tile":7}\n{"tile":7\n\0\n')
    local found = objects((run "structuredLogging=true $log <mixed"))
    assert.are.equal("a\u{FFFD}b", found[1].msg)
    assert.are.equal(7, found[2].tile)
    assert.is_nil(found[2].msg)
    assert.are.equal('{"tile":7', found[3].msg)
    assert.are.equal("\0", found[4].msg)
  end)

  -- Text is looked through eight bytes at a time: what has to be escaped was once at each place of
  -- such a word, and behind it.
  it("escapes a byte wherever it stands", function()
    local lines = {}
    for place = 0, 17 do
      for _, byte in ipairs { "\1", '"', "\\", "\127", "\195\164", "\31", " ", "~", "\r" } do
        lines[#lines + 1] = ("x"):rep(place) .. byte .. ("y"):rep(17 - place)
        lines[#lines + 1] = ("x"):rep(place) .. byte
      end
    end
    shell.write(folder .. "/bytes", table.concat(lines, "\n") .. "\n")
    local found = {}
    for line in (run "structuredLogging=true $log <bytes"):gmatch "[^\n]+" do
      assert.is_nil(line:find "[%z\1-\31\127]")
      found[#found + 1] = cjson.decode(line).msg
    end
    assert.are.same(lines, found)
  end)

  it("takes in rows of objects, each with its own members", function()
    local out = run [[printf '%s\n' '{"a":1}' '{"level":50,"a":2}' '{"pid":7}' '{"a":3}' text |
      MessageId=id-1 structuredLogging=true $log]]
    local levels, ids = {}, {}
    for line in out:gmatch "[^\n]+" do
      local object = cjson.decode(line)
      levels[#levels + 1], ids[#ids + 1] = object.level, object.watchbot_sqs_message_id
      assert.are.equal("worker", object.name)
      assert.are.equal("number", type(object.pid))
    end
    assert.are.same({ 30, 50, 30, 30, 30 }, levels)
    assert.are.same({ "id-1", "id-1", "id-1", "id-1", "id-1" }, ids)
  end)

  -- An object goes out as it came, with the newline behind it: only where its brace is the last
  -- byte, and nothing in it ends a line.
  it("takes in an object with blanks within, behind and before it", function()
    for _, case in ipairs {
      { '{"a":1}', '"a":1}' }, { '{"a":1} ', '"a":1}' }, { ' {"a":1}', '"a":1}' },
      { '{"a":1 }', '"a":1}' }, { '{"a":1}\r', '"a":1}' }, { '{\r"a":1}', '"a":1}' },
      { '{"a":\r1,\r"b":2}', '"a": 1, "b":2}' }, { '{"name":\r1}', '"task_name": 1}' },
    } do
      local given, kept = case[1], case[2]
      shell.write(folder .. "/objects", given .. "\n" .. given .. "\nnext\n" .. given)
      local out = run "structuredLogging=true $log < objects"
      local lines = {}
      for line in out:gmatch "([^\n]*)\n" do lines[#lines + 1] = line end
      assert.are.equal(4, #lines, given)
      assert.are.equal("next", cjson.decode(lines[3]).msg)
      for _, index in ipairs { 1, 2, 4 } do
        assert.are.equal("worker", cjson.decode(lines[index]).name, lines[index])
        assert.are.equal("," .. kept, lines[index]:sub(-#kept - 1))
      end
    end
  end)

  it("keeps a line of 10 MB whole, whatever is in it", function()
    -- Characters of 1 to 4 bytes and a bad byte: each of the edges of what is escaped at once falls
    -- into another place.
    local long, expected = ('a"é€😀\xff'):rep(800000), ('a"é€😀\u{FFFD}'):rep(800000)
    shell.write(folder .. "/long", long .. "\n" .. '{"tile":7}\n' .. long)
    local found = objects((run "structuredLogging=true $log <long"))
    assert.is_true(found[1].msg == expected)
    assert.are.equal(7, found[2].tile)
    assert.is_true(found[3].msg == expected)
  end)

  -- It was escaped into a second file, and lost when the disk had no room for that.
  it("keeps a long line also where no temporary file can be made: in pieces", function()
    local long = ("0123456789"):rep(300000)
    shell.write(folder .. "/long", long .. "\n")
    local pieces = {}
    local out = run "TMPDIR=/nowhere/at/all structuredLogging=true $log <long"
    for _, object in ipairs(objects(out)) do
      pieces[#pieces + 1] = object.msg
    end
    assert.is_true(long == table.concat(pieces))
  end)

  -- What a failed write had left in the file, behind the bytes that counted, was written too.
  it("keeps a long line when its temporary file reaches the limit on the size of files", function()
    local long = ("0123456789"):rep(600000)
    shell.write(folder .. "/long", long .. "\n")
    local pieces = {}
    local out, code = run "ulimit -f 5000; structuredLogging=true $log <long | cat"
    for _, object in ipairs(objects(out)) do pieces[#pieces + 1] = object.msg end
    assert.are.equal(0, code)
    assert.is_true(#pieces > 1)
    assert.is_true(long == table.concat(pieces))
  end)
end)

describe("watchbot-log and its reader", function()
  -- The reader answers each line before the next is written: a line that is held back stops both
  -- forever.
  it("lets a line go before it waits for the next", function()
    local out = run [[mkfifo in out
      timeout 120 $log <in >out &
      exec 3>in 4<out
      for n in 1 2 3; do echo "line $n" >&3; read -r answer <&4; echo "$answer"; done
      exec 3>&-; wait $!]]
    assert.are.same({ "line 1", "line 2", "line 3" }, texts(out))
  end)

  it("lets the lines of a program that never waits go to a terminal one read at a time", function()
    local out, code =
      shell.run(("script -qec %s /dev/null </dev/null"):format(shell.quote("seq 1000 | "
      .. PROGRAM)))
    assert.are.equal(0, code)
    assert.are.equal(1000, #texts((out:gsub("\r\n", "\n"))))
  end)

  it("ends with an error when the reader is gone", function()
    run "{ seq 200000 | $log; echo $? >code; } | head -n 1 >/dev/null"
    assert.are_not.equal("0\n", shell.read(folder .. "/code"))
    run "trap '' PIPE; { seq 200000 | $log 2>errors; echo $? >code; } | head -n 1 >/dev/null"
    assert.are.equal("1\n", shell.read(folder .. "/code"))
    assert.are.equal("", shell.read(folder .. "/errors"))
  end)

  it("ends with an error when stdout is closed", function()
    for _, command in ipairs { "$log hello 2>errors >&-", "seq 3 | $log 2>errors >&-",
      "$log 2>errors >&- </dev/null" } do
      assert.are.equal(1, select(2, run(command)), command)
    end
    assert.are.equal("watchbot-log: could not write to stdout: Bad file descriptor\n",
      shell.read(folder .. "/errors"))
  end)

  -- The temporary file of a long line got the number of the closed stdout, and the line was written
  -- into itself.
  it("ends with an error when stdout is closed and a line needs a file", function()
    assert.are.equal(1, select(2, run "head -c 5000000 /dev/zero | $log 2>/dev/null >&-"))
  end)

  it("ends with an error on a full disk and at the limit on the size of files", function()
    local out, code = run "$log hello 2>&1 >/dev/full"
    assert.are.equal("watchbot-log: could not write to stdout: No space left on device\n", out)
    assert.are.equal(1, code)
    out, code = run "ulimit -f 8; seq 100000 | $log 2>&1 >limited"
    assert.are.equal("watchbot-log: could not write to stdout: File too large\n", out)
    assert.are.equal(1, code)
  end)

  it("ends with an error when stdin cannot be read, after what could be", function()
    local out, code = run "$log 2>&1 </"
    assert.are.equal("watchbot-log: could not read stdin: Is a directory\n", out)
    assert.are.equal(1, code)
    assert.are.equal(1, select(2, run "$log 2>/dev/null <&-"))
  end)

  -- Another program that shares the pipe may have made it nonblocking: "temporarily unavailable"
  -- was taken for an error.
  it("waits for input and output that are nonblocking", function()
    shell.write(folder .. "/nonblocking.py", [==[
import os, subprocess, sys, threading, time
into, write_in = os.pipe()
read_out, out = os.pipe()
os.set_blocking(into, False)
os.set_blocking(out, False)
child = subprocess.Popen([sys.argv[1]], stdin=into, stdout=out)
os.close(into); os.close(out)
def feed():
    for n in range(20000):
        if n % 5000 == 0: time.sleep(0.05)
        os.write(write_in, b"line %d\n" % n)
    os.close(write_in)
thread = threading.Thread(target=feed)
thread.start()
count = 0
with os.fdopen(read_out, "rb") as lines:
    for line in lines:
        if line.endswith(b"] line %d\n" % count): count += 1
        if count % 5000 == 0: time.sleep(0.05)
thread.join()
print(count, child.wait())
]==])
    assert.are.equal("20000 0\n", (run "python3 nonblocking.py $log"))
  end)
end)
