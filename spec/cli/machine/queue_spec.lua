-- What `watchbot check` says of the file of an embedded queue.

local queue = require "watchbot.cli.machine.queue"
local shell = require "support.shell"
local workshop = require "support.workshop"

local task = workshop.task

local function look(url)
  local findings = {}
  queue(findings, url)
  return findings
end

local function sh(folder, line)
  return shell.run(("cd %s && %s 2>&1"):format(shell.quote(folder.path), line))
end

describe("the file of a queue", function()
  it("may be missing where it can be made", task(function(folder)
    assert.are.equal("ok", look(folder:url())[1].level)
    assert.are.same({}, look(nil))
    assert.are.same({}, look "https://sqs.eu-west-1.amazonaws.com/1/jobs")
  end))

  it("is no link, folder or pipe", task(function(folder)
    workshop.send(folder, { "one" })
    sh(folder, "ln -s jobs.db link.db; mkdir folder.db; mkfifo pipe.db")
    for _, name in ipairs { "link.db", "folder.db", "pipe.db" } do
      local found = look(folder:url(name))[1]
      assert.are.equal("failure", found.level, name)
      assert.matches("is not a regular file", found.message)
    end
  end))

  -- The watcher started, and each receive failed: "attempt to write a readonly database".
  it("can be written by the user of the watcher, and so can its folder", task(function(folder)
    if not workshop.has_other_user() then return pending "no other user is available here" end
    workshop.send(folder, { "one" })
    sh(folder, "cp -r $PWD/../" .. folder.path:match "[^/]+$" .. " . 2>/dev/null; chmod 755 .")
    local out, status = sh(folder, ("QueueUrl=%s setpriv --reuid=65534 --regid=65534 "
      .. "--clear-groups %s check"):format(folder:url(), workshop.program))
    assert.are.equal(1, status, out)
    assert.matches("failure: '[^\n]*jobs.db' cannot be written by user 65534: chown it", out)
    assert.matches("failure: the folder '[^\n]*' cannot be written by user 65534", out)
  end))

  it("is warned of where another user owns it", task(function(folder)
    if not workshop.has_other_user() then return pending "no other user is available here" end
    workshop.send(folder, { "one" })
    sh(folder, "chown 65534 jobs.db")
    local found = look(folder:url())[1]
    assert.are.equal("warning", found.level)
    assert.matches("belongs to user 65534", found.message)
  end))

  it("has a write-ahead log that shrinks", task(function(folder)
    workshop.send(folder, { "one" })
    sh(folder, "truncate -s 65M jobs.db-wal")
    local found = look(folder:url())[1]
    assert.are.same({ "write-ahead log", "warning" }, { found.what, found.level })
    assert.matches("has 65 MiB", found.message)
  end))

  it("is not mounted alone", task(function(folder)
    workshop.send(folder, { "one" })
    sh(folder, "touch alone.db")
    local out, status = sh(folder, ("unshare -m sh -c 'mount --bind jobs.db alone.db && "
      .. "QueueUrl=sqlite:alone.db %s check'"):format(workshop.program))
    if out:find "unshare" or out:find "mount:" then return pending "nothing can be mounted here" end
    assert.are.equal(1, status, out)
    assert.matches("failure: 'alone.db' is a mounted file: .*mount the folder", out)
  end))

  it("is on a local disk", task(function(folder)
    local core = require "watchbot.core".file
    local status = core.status
    local _ <close> = setmetatable({}, { __close = function() core.status = status end })
    workshop.send(folder, { "one" })
    -- No network file system is here: the kernel's number for one stands in.
    for number, words in pairs { [0x6969] = "failure network.*NFS", [0x01021997] = "failure.*9p",
      [0xFF534D42] = "failure.*CIFS", [0x65735546] = "warning FUSE" } do
      core.status = function(path)
        local found = status(path)
        if found then found.system = number end
        return found
      end
      local found = look(folder:url())[1]
      assert.matches(words:match "%u[%w]+$" or words:match "%w+$", found.message)
      assert.are.equal(words:match "^%a+", found.level)
    end
  end))
end)
