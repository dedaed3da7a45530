-- What the program does where its surroundings lack what it needs.

local shell = require "support.shell"

local folder

local function refusing(call, command)
  -- LeakSanitizer starts a helper with such a clone, too.
  local line = "ASAN_OPTIONS=detect_leaks=0 timeout 60 python3 spec/support/refuse_calls.py "
    .. "%s %s 2>&1"
  return shell.run(line:format(call, command))
end

-- A root with the program, its libraries and nothing else, not even /dev.
local function bare_root()
  local copy = [[
    mkdir -p %s/root/tmp && cd %s/root && cp %s watchbot
    for file in $(ldd watchbot | grep -o '/[^ ]*'); do
      mkdir -p .$(dirname $file) && cp $file .$file
    done
  ]]
  local program = shell.quote(("%s/%s/watchbot"):format(shell.root, shell.build))
  local out, code = shell.run(copy:format(folder, folder, program))
  assert.are.equal(0, code, out)
end

-- A user namespace gives what root has already; after chroot(2), even root may not make one.
local function in_root(arguments)
  local line = "timeout 60 "
    .. "$([ $(id -u) = 0 ] || echo unshare --user --map-root-user) chroot %s/root /watchbot %s 2>&1"
  return shell.run(line:format(folder, arguments))
end

describe("the start of the program", function()
  before_each(function() folder = shell.folder() end)
  after_each(function() shell.remove(folder) end)

  -- Without /dev/null, as in a bare root or a broken image, each command ended with status 1 and
  -- silently, although its three descriptors were open.
  it("needs no /dev/null where the standard descriptors are open", function()
    -- LeakSanitizer needs /proc, and reads its options there.
    if shell.build:find "sanitize" then return pending "the sanitizers need /proc" end
    bare_root()
    local out, code = in_root "--version"
    assert.are.equal(0, code, out)
    assert.matches("watchbot %d+%.%d+%.%d+\n", out)
  end)

  it("names the descriptor that cannot be filled without /dev/null", function()
    bare_root()
    local out, code = in_root "--version <&-"
    assert.are.equal(1, code, out)
    assert.matches("could not open /dev/null in place of standard input, which is closed: ", out,
      1, true)
  end)

  it("says that a task cannot be started for want of /dev/null", function()
    bare_root()
    shell.write(folder .. "/root/policy.lua", [[
      local process = require "watchbot.process"
      local _, err = process.start { argv = { "/watchbot" } }
      print(err)
      os.exit(0, false)
    ]])
    local out = in_root "check /policy.lua"
    assert.matches("could not start '/watchbot': could not open /dev/null: no such file", out, 1,
      true)
  end)

  -- Linux 5.4 leaves descriptors open in tasks, and an old container's filter refuses the calls.
  it("names the kernel that it needs", function()
    local out, code = refusing("close_range", shell.build .. "/watchbot --version")
    assert.are.equal(1, code, out)
    assert.matches("does not provide close_range (Linux 5.9): Function not", out, 1, true)
    assert.matches("watchbot needs Linux 5.9 or newer", out, 1, true)
  end)

  -- Under qemu-user, as in an image for another architecture, no task could be started: "could not
  -- start 'sh': invalid argument".
  it("starts tasks where clone does no more than fork", function()
    shell.write(folder .. "/policy.lua", ([[
      return require "watchbot".policy { queue = "sqlite:%s/jobs.db", command = "exit 3" }
    ]]):format(folder))
    local program = shell.build .. "/watchbot"
    shell.run(("%s send --queue sqlite:%s/jobs.db a"):format(program, folder))
    local out, code = refusing("clone", ("%s run --drain %s/policy.lua"):format(program, folder))
    assert.are.equal(0, code, out)
    assert.matches('"event":"stopped","complete":0,"reject":1,', out, 1, true)
  end)

  it("tells there, too, why a program cannot be executed", function()
    local script = folder .. "/script.lua"
    shell.write(script, [[
      local process = require "watchbot.process"
      print((select(2, process.start { argv = { "/nowhere/program" } })))
      print((select(2, process.start { argv = { "true" }, cwd = "/nowhere" })))
      print(process.start { command = "exit 7" }:wait().code)
      os.exit(0, false)
    ]])
    local out = refusing("clone", ("%s/watchbot check %s"):format(shell.build, script))
    assert.are.equal("could not start '/nowhere/program': no such file or directory\n"
      .. "could not enter the folder '/nowhere': no such file or directory\n7\n", out)
  end)
end)
