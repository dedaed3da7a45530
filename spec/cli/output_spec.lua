-- What every command does when its output cannot be written: a truncated result must not look like
-- a whole one.
-- `watchbot template stack.lua > /full/disk && deploy` once deployed half a template.

local cli = require "watchbot.cli"
local shell = require "support.shell"
local workshop = require "support.workshop"

local task = workshop.task

local POLICY = [[
local watchbot = require "watchbot"
return watchbot.policy { queue = "sqlite:jobs.db", command = "true" }
]]

-- What makes each command print something. Those that need AWS print their help.
local PRINTING = {
  send = "send --queue sqlite:other.db hello", status = "status --queue sqlite:jobs.db",
  ["dead-letter"] = "dead-letter list --queue sqlite:jobs.db", check = "check policy.lua",
  progress = "progress status job-1 --queue sqlite:jobs.db", test = "test policy.lua --message x",
  template = "template stack.lua", init = "init made-$RANDOM$$",
}

local MORE = {
  "--version", "--help", "help policy", "help template", "check --fields", "template --options",
    "template --check stack.lua",
  "dead-letter list --json --queue sqlite:jobs.db", "dead-letter show --queue sqlite:jobs.db",
  "dead-letter print --queue sqlite:jobs.db", "dead-letter replay --dry-run --queue sqlite:jobs.db",
  "dead-letter delete --yes --limit 1 --queue sqlite:gone.db",
    "status --json --queue sqlite:jobs.db",
  "test policy.lua --message x --json",
}

local function commands()
  local all = table.move(MORE, 1, #MORE, 1, {})
  for _, command in ipairs(cli.commands) do
    all[#all + 1] = "help " .. command[1]
    all[#all + 1] = command[1] .. " --help"
    if PRINTING[command[1]] then all[#all + 1] = PRINTING[command[1]] end
  end
  return all
end

local function prepare(folder)
  folder:write("policy.lua", POLICY)
  workshop.run(folder, { "init", "made" })
  os.rename(folder:file "made/stack.lua", folder:file "stack.lua")
  workshop.run(folder, { "send", "--queue", folder:url(), "dead" })
  workshop.run(folder, { "run", "--drain", "--queue", folder:url(), folder:write("once.lua", [[
    return require "watchbot".policy { max_receives = 1, command = "exit 1" }]]) })
  workshop.run(folder, { "progress", "set-total", "job-1", "--total", "2", "--queue",
    folder:url() })
  os.execute(("cp %s %s"):format(folder:file "jobs.db", folder:file "gone.db"))
end

-- => what the shell's line prints to stdout and stderr together
local function sh(folder, line)
  return (shell.run(("cd %s && bash -c %s 2>&1"):format(shell.quote(folder.path),
    shell.quote(line))))
end

describe("every command", function()
  it("ends with status 1 and a line when its output cannot be written", task(function(folder)
    prepare(folder)
    for redirection, reason in pairs { [">/dev/full"] = "no space left on device",
      [">&-"] = "bad file descriptor" } do
      for _, command in ipairs(commands()) do
        os.execute(("cp %s %s"):format(folder:file "jobs.db", folder:file "gone.db"))
        local out = sh(folder, ("%s %s %s; echo status $?"):format(workshop.program, command,
          redirection))
        assert.matches("could not write to standard output: " .. reason, out, 1, false)
        assert.matches("status 1\n$", out, 1, false)
        assert.are.equal(1, select(2, out:gsub("could not write", "")), command .. ": " .. out)
      end
    end
  end))

  it("says so where SIGPIPE is ignored and the reader is gone, and else ends by the signal",
    task(function(folder)
    prepare(folder)
    for _, command in ipairs { "help policy", "template stack.lua",
      "dead-letter list --queue sqlite:jobs.db", "--version", "status --queue sqlite:jobs.db",
      "status --json --queue sqlite:jobs.db", "progress status job-1 --queue sqlite:jobs.db",
      "check", "test policy.lua --message x" } do
      local line = ("{ sleep 0.2; %s %s; echo status $? >&2; } | true"):format(workshop.program,
        command)
      local out = sh(folder, "trap '' PIPE; " .. line)
      assert.matches("could not write to standard output: broken pipe", out)
      assert.matches("status 1\n", out)
      assert.matches("^status 141\n", sh(folder, line))
    end
  end))

  -- Node and ssh leave pipes nonblocking: half of the output was lost, with status 0.
  it("waits for a slow reader of a pipe that is nonblocking", task(function(folder)
    prepare(folder)
    folder:write("slow.py", [[
import fcntl, os, subprocess, sys, time
reader, writer = os.pipe()
fcntl.fcntl(writer, 1031, 4096)  # F_SETPIPE_SZ
fcntl.fcntl(writer, fcntl.F_SETFL, os.O_NONBLOCK)
child = subprocess.Popen(sys.argv[1:], stdout=writer)
os.close(writer)
time.sleep(0.3)
whole = b""
while True:
    piece = os.read(reader, 1000)
    if not piece: break
    whole += piece
sys.stdout.buffer.write(whole)
sys.exit(child.wait())
]])
    for _, command in ipairs { "help policy", "template stack.lua", "check --fields",
      "template --options" } do
      local plainly = sh(folder, workshop.program .. " " .. command)
      assert.is_true(#plainly > 4096, command)
      assert.are.equal(plainly .. "status 0\n",
        sh(folder, ("python3 slow.py %s %s; echo status $?"):format(workshop.program, command)))
    end
  end))

  it("of a watcher says once that its log is lost, and the work goes on", task(function(folder)
    for redirection,
    words in pairs { [">/dev/full"] = "the last %d+ bytes of the log could not be written",
      [">&-"] = "the log is lost.*bad file descriptor" } do
      workshop.send(folder, { "one" })
      local out = sh(folder,
        ("%s run --drain --queue sqlite:jobs.db -- touch done %s; echo status $?")
        :format(workshop.program, redirection))
      assert.matches(words, out)
      assert.matches("status 0\n$", out)
      assert.are.equal(1,
        select(2, out:gsub("of the log could not", "")) + select(2, out:gsub("log is lost", "")))
      assert.is_truthy(io.open(folder:file "done"))
      os.remove(folder:file "done")
    end
  end))

  it("has what a policy prints in front of its own words", task(function(folder)
    folder:write("policy.lua", 'print "from the policy"\n' .. POLICY)
    assert.matches("^from the policy\npolicy.lua", sh(folder,
      workshop.program .. " check policy.lua"))
    assert.matches("status 1\n$", sh(folder,
      workshop.program .. " check policy.lua >/dev/full; echo status $?"))
  end))
end)
