-- What `watchbot check` says of the machine, with and without a policy.

local json = require "watchbot.lib.json"
local shell = require "support.shell"
local workshop = require "support.workshop"

local task = workshop.task

local function sh(folder, line)
  return shell.run(("cd %s && %s 2>&1"):format(shell.quote(folder.path), line))
end

local function prepare(folder, workers)
  folder:write("policy.lua", ([[return require "watchbot".policy {
    queue = "sqlite:jobs.db", command = "true", workers = %d }]]):format(workers or 1))
  workshop.send(folder, { "one" })
end

describe("watchbot check", function()
  it("looks at the machine at its end, and is fine", task(function(folder)
    prepare(folder)
    local exit, out, err = workshop.run(folder, { "check", "policy.lua" })
    assert.are.equal(0, exit.code, out .. err)
    assert.matches("This machine:\n  queue file +'jobs.db' is on a local disk\n", out)
    exit, out = workshop.run(folder, { "check", "--json", "policy.lua" })
    assert.are.equal(0, exit.code)
    assert.is_true(json.decode(out).ok)
    exit, out = workshop.run(folder, { "check" }, { QueueUrl = folder:url() })
    assert.are.equal(0, exit.code, out)
    assert.matches("jobs.db' is on a local disk", out)
  end))

  -- Two names of one queue file had two write-ahead logs: what was sent by one was never seen by
  -- the other.
  it("ends with status 1 and a fix where the queue would fail", task(function(folder)
    prepare(folder)
    sh(folder, "ln jobs.db other.db")
    local out, status = sh(folder, workshop.program .. " check policy.lua")
    assert.are.equal(1, status)
    assert.matches("failure: 'jobs.db' has 2 hard links", out)
    sh(folder, "rm other.db; sed -i s,jobs.db,nowhere/jobs.db, policy.lua")
    out, status = sh(folder, workshop.program .. " check policy.lua")
    assert.are.equal(1, status)
    assert.matches("failure: folder 'nowhere' does not exist: create it", out)
    out, status = sh(folder, workshop.program .. " check --json policy.lua")
    assert.are.equal(1, status)
    local found = json.decode(out)
    assert.is_false(found.ok)
    assert.are.equal("failure", found.findings[1].level)
  end))

  it("compares limits with the workers", task(function(folder)
    prepare(folder, 200)
    local out, status = sh(folder, "ulimit -n 300; " .. workshop.program .. " check policy.lua")
    assert.are.equal(1, status)
    assert.matches("Max open files failure: a limit of 300, needs 664", out)
  end))

  it("warns of a file that everybody may write, and shows no password of a proxy",
    task(function(folder)
    prepare(folder)
    sh(folder, "chmod 666 jobs.db")
    local out, status = sh(folder, workshop.program .. " check policy.lua")
    assert.are.equal(0, status, out)
    assert.matches("warning: every user may write 'jobs.db': chmod o%-w", out)
    out = sh(folder, "HTTPS_PROXY=http://me:s3cret@proxy:3128 " .. workshop.program .. " check")
    assert.matches("HTTPS_PROXY=http://proxy:3128", out)
    assert.is_nil(out:find("s3cret", 1, true))
    out, status = sh(folder, "AWS_CA_BUNDLE=/nowhere/ca.pem " .. workshop.program .. " check")
    assert.are.equal(1, status)
    assert.matches("failure: '/nowhere/ca.pem' %(AWS_CA_BUNDLE%) cannot be read", out)
  end))

  it("takes one policy", task(function(folder)
    local exit, _, err = workshop.run(folder, { "check", "a", "b" })
    assert.are.equal(2, exit.code)
    assert.matches("expected one policy, got 'a b'", err)
  end))
end)
