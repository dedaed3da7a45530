-- What `watchbot check` says of certificates and of a proxy.

local network = require "watchbot.cli.machine.network"
local workshop = require "support.workshop"

local task = workshop.task

local function look(folder, variables)
  local exit, out = workshop.run(folder, { "check" }, variables)
  return out, exit.code
end

describe("the certificates", function()
  -- A mounted file that was empty passed: every request failed.
  it("must be certificates", task(function(folder)
    folder:write("empty.pem", "")
    folder:write("key.pem", "-----BEGIN PRIVATE KEY-----\n")
    os.execute("mkdir " .. folder:file "folder.pem")
    for _, name in ipairs { "empty.pem", "key.pem", "folder.pem" } do
      local out, status = look(folder, { AWS_CA_BUNDLE = "", SSL_CERT_FILE = name })
      assert.are.equal(1, status)
      assert.matches("CA bundle +failure: '" .. name .. "' holds no certificate", out)
    end
  end))

  -- The variable of curl's own program was named; the watcher never reads it.
  it("are those that requests trust", task(function(folder)
    local out, status = look(folder, { CURL_CA_BUNDLE = "/nowhere", AWS_CA_BUNDLE = "",
      SSL_CERT_FILE = "" })
    assert.are.equal(0, status, out)
    folder:write("config", "[default]\nca_bundle = /nowhere/profile.pem\n")
    out, status = look(folder, { AWS_CONFIG_FILE = folder:file "config", AWS_CA_BUNDLE = false })
    assert.are.equal(1, status)
    assert.matches("failure: '/nowhere/profile.pem' %(profile 'default'%) cannot be read", out)
  end))
end)

describe("a proxy", function()
  it("is shown without user name and password", task(function(folder)
    for address, shown in pairs {
      ["http://me:s3cret@proxy:3128"] = "http://proxy:3128",
      ["http://me:s3cret@odd@proxy:3128"] = "http://proxy:3128",
      ["http://me:s3cret/odd@proxy:3128"] = "http://proxy:3128",
      ["me:s3cret@proxy:3128"] = "proxy:3128", ["proxy:3128"] = "proxy:3128",
    } do
      local out = look(folder, { HTTPS_PROXY = address, AWS_EC2_METADATA_DISABLED = "true" })
      assert.matches("HTTPS_PROXY=" .. shown .. "\n", out)
      assert.is_nil(out:find("s3cret", 1, true))
    end
  end))

  it("is none where the variable is empty", function()
    local findings = {}
    network(findings)
    assert.are.equal("CA bundle", findings[1].what)
  end)
end)
