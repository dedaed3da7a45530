local listen = require "watchbot.cli.machine.listen"
local server = require "watchbot.server"
local workshop = require "support.workshop"

local function found(field)
  local findings = {}
  listen(function(...) findings[#findings + 1] = { ... } end, field)
  return table.unpack(findings)
end

describe("the check of listen", function()
  it("says nothing without it, and that a free address is free", workshop.task(function(folder)
    assert.is_nil(found(nil))
    assert.are.same({ "listen", "ok", "'127.0.0.1:0' is free" }, found "127.0.0.1:0")
    local path = folder:file "socket"
    assert.are.same({ "listen", "ok", ("'%s' is free"):format(path) }, found(path))
    assert.is_nil(io.open(path))
  end))

  -- It was found out when the watcher was started, by a service manager, again and again.
  it("refuses an address that is not available, with the reason and a way out",
    workshop.task(function(folder)
    local taken <close> = assert(server.listen {})
    local _, port = taken:address()
    local finding = found("127.0.0.1:" .. port)
    assert.are.equal("failure", finding[2])
    assert.matches("address already in use .*choose another port", finding[3])
    finding = found "192.0.2.1:9464"
    assert.are.equal("failure", finding[2])
    assert.matches("no interface of this machine has this address", finding[3])
    local socket = assert(server.listen { path = folder:file "socket" })
    assert.matches("in use", found(folder:file "socket")[3])
    socket:close()
    assert.are.equal("failure", found(folder:file "nowhere/socket")[2])
    -- The whole program.
    folder:write("policy.lua", ([[return require "watchbot".policy {
      queue = "sqlite:jobs.db", command = "true", listen = "127.0.0.1:%d" }]]):format(port))
    local exit, out = workshop.run(folder, { "check", "policy.lua" })
    assert.are.equal(1, exit.code)
    assert.matches("listen +failure: could not listen on 127.0.0.1 port %d+: address already in "
      .. "use", out)
    folder:write("policy.lua", [[return require "watchbot".policy {
      queue = "sqlite:jobs.db", command = "true", listen = "localhost" }]])
    local err
    exit, out, err = workshop.run(folder, { "check", "policy.lua" })
    assert.are.equal(2, exit.code)
    assert.matches("policy field 'listen': expected an address and a port .*, got 'localhost'",
      out .. err)
  end))
end)
