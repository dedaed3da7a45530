-- The static program runs where nothing of the host's is there, and where what is there would crash
-- it: modules of name resolution and of OpenSSL that a static C library loads at run time.

local local_aws = require "support.local_aws"
local roots = require "roots"
local server = require "support.server"
local shell = require "support.shell"
local workshop = require "support.workshop"

local MOST_BYTES = 8500000
local QUEUE = "https://sqs.eu-west-1.amazonaws.com/123456789012/jobs"
local KEYS = "AWS_ACCESS_KEY_ID=AKIDROOT AWS_SECRET_ACCESS_KEY=secret-of-root AWS_REGION=eu-west-1"

local PROCESS = 'return require "watchbot".policy { queue = "%s", command = "echo ran $Message" }'
local HANDLER = [[return require "watchbot".policy { queue = "%s", handler = function(job)
  print("ran " .. job.message) end }]]

-- Two programs for each message that stay until something ends them; without a shell, a watcher of
-- an empty queue is one.
local STAYS = [[return require "watchbot".policy { queue = "sqlite:/tmp/stays.db", workers = 2,
  command = %s }]]
local SLEEPS = '"sleep 98765 & sleep 98765 & wait"'
local WATCHES = '{ "/watchbot", "run", "--queue", "sqlite:/tmp/sleep98765.db", "--", "/none" }'

-- Ends with the number of processes in the root whose command line has 98765, before and after.
local KILLED = [[exec 2>&1
  root=$(cd %s && pwd)
  count() {
    for process in /proc/[0-9]*; do
      [ "$(readlink $process/root)" = "$root" ] && tr '\\0' ' ' < $process/cmdline && echo
    done | grep -c "$1"
  }
  chroot $root /watchbot run /tmp/stays.lua > $root/tmp/stays.log &
  for try in $(seq 300); do [ $(count 98765) -ge %d ] && break; sleep 0.1; done
  count 98765
  kill -KILL $! && wait $!
  for try in $(seq 300); do [ $(count .) = 0 ] && break; sleep 0.1; done
  count .
  cat $root/tmp/stays.log >&2]]

local function policy(root, queue)
  return (root:has_shell() and PROCESS or HANDLER):format(queue)
end

describe("the static program", function()
  it("needs no shared library and is small enough", function()
    for _, name in ipairs { "watchbot", "watchbot-log" } do
      local file = roots.folder .. "/" .. name
      assert.are.equal("", (shell.run(("readelf -d %s | grep NEEDED"):format(file))))
      assert.is_true(#shell.read(file) <= MOST_BYTES, file)
    end
  end)

  it("carries the roots of AWS that Mozilla's list has", function()
    local list = roots.folder .. "/root/usr/share/ca-certificates/mozilla/"
    local carried = shell.read ".package/roots.pem"
    for name in carried:gmatch "# ([^\n]+)\n" do
      local root = shell.read(list .. name:gsub(" ", "_") .. ".crt")
      assert.is_truthy(carried:find(root, 1, true), name)
    end
    assert.are.equal(5, select(2, carried:gsub("BEGIN CERTIFICATE", "")))
  end)
end)

for _, name in ipairs(roots.names) do
  describe("the static program in the root " .. name, function()
    local root, aws, names

    setup(workshop.task(function()
      root = roots.open(name)
      aws = local_aws.own()
      names = server.start("python3", ".package/spec/name_server.py", aws.port)
      root:write("/tmp/jobs.lua", policy(root, "sqlite:/tmp/jobs.db"))
      root:write("/tmp/sqs.lua", policy(root, QUEUE))
      root:write("/tmp/ca.pem", shell.read(aws:authority()))
      local sqs = assert(require "watchbot.aws"("sqs", {
        region = "eu-west-1", endpoint = aws.url, credentials = local_aws.ROOT,
        getenv = function() end,
      }))
      assert(sqs:CreateQueue { QueueName = "jobs" })
    end))
    teardown(function()
      names:close()
      aws:close()
    end)

    it("says its version and its libraries", function()
      local out, code = root:run "--version --verbose"
      assert.are.equal(0, code, out)
      assert.matches("c%-ares/1%.", out)
    end)

    it("runs a task for a message of an embedded queue", function()
      local out, code = root:run "send --queue sqlite:/tmp/jobs.db hello"
      assert.are.equal(0, code, out)
      out, code = root:run "run --drain /tmp/jobs.lua"
      assert.are.equal(0, code, out)
      assert.matches("ran hello", out, 1, true)
      assert.matches('"complete":1', out, 1, true)
    end)

    -- The guardian is a process that the program starts before all others: where it does not run,
    -- nothing shows it until the watcher has died.
    it("ends the tasks of a watcher that was killed", function()
      root:write("/tmp/stays.lua", STAYS:format(root:has_shell() and SLEEPS or WATCHES))
      local out, code = shell.run(("printf 'a\\nb\\n' | chroot %s /watchbot send --queue "
        .. "sqlite:/tmp/stays.db 2>&1"):format(root.path))
      assert.are.equal(0, code, out)
      local count = root:has_shell() and 4 or 2
      out = shell.run(KILLED:format(root.path, count))
      local before, after = out:match "^.-(%d+)\n.-(%d+)\n"
      assert.is_true((tonumber(before) or 0) >= count, out)
      assert.are.equal("0", after, out)
    end)

    it("reaches SQS by DNS and TLS, with the authority that it is given", function()
      local environment = KEYS .. " AWS_CA_BUNDLE=/tmp/ca.pem"
      local out, code = root:run("send --queue " .. QUEUE .. " hello", environment)
      assert.are.equal(0, code, out)
      out, code = root:run("run --drain /tmp/sqs.lua", environment)
      assert.are.equal(0, code, out)
      assert.matches("ran hello", out, 1, true)
    end)

    for _, place in ipairs { "/etc/ssl/certs/ca-certificates.crt",
      "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem" } do
      it("finds the authorities of the system in " .. place, function()
        root:write(place, shell.read(root.path .. "/tmp/ca.pem"))
        local out, code = root:run("send --queue " .. QUEUE .. " hello", KEYS)
        os.remove(root.path .. place)
        assert.are.equal(0, code, out)
      end)
    end

    it("refuses a certificate of another authority than AWS's", function()
      local out, code = root:run("send --queue " .. QUEUE .. " hello", KEYS)
      assert.are.equal(1, code, out)
      assert.matches("local issuer certificate", out, 1, true)
    end)

    it("names a host that does not exist", function()
      local out, code = root:run("send --queue https://sqs.eu-west-1.invalid/1/jobs hello", KEYS)
      assert.are.equal(1, code, out)
      assert.matches("resolve", out, 1, true)
    end)

    it("knows the users of /etc/passwd, with their groups", function()
      root:write("/tmp/user.lua", [[
        local process = require "watchbot.core".process
        local user = process.user "app"
        print(user.uid, user.gid, table.concat(user.groups, ","), user.home)
        print((select(2, process.user "nobody-here")))
        os.exit(0, false)
      ]])
      assert.are.equal("1234\t1234\t1234,44\t/tmp\nthere is no user 'nobody-here'\n",
        (root:run "check /tmp/user.lua"))
    end)

    it("says that it loads no modules that are written in C", function()
      root:write("/tmp/c.lua", 'require "lfs"')
      local out, code = root:run "check /tmp/c.lua"
      assert.are.equal(2, code, out)
      assert.matches("the static watchbot loads no modules that are written in C", out, 1, true)
    end)

    it("writes lines as watchbot-log", function()
      local out, code = shell.run(("echo hello | chroot %s /watchbot-log 2>&1"):format(root.path))
      assert.are.equal(0, code, out)
      assert.matches("%[worker%] hello", out)
    end)
  end)
end
