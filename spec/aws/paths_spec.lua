-- Requests of services whose operations have paths: what is in the path is not in the body.

local json = require "watchbot.lib.json"
local paths = require "watchbot.aws.paths"

local SERVICE = { paths = { Make = { "POST", "/things/{Name}" } } }

describe("a request with a path", function()
  it("has the rest of the parameters as its body", function()
    local body, headers, code, route = paths.write(SERVICE, "Make", { Name = "a/b c", Size = 3 })
    assert.are.same({ Size = 3 }, json.decode(body))
    assert.are.same({ ["Content-Type"] = "application/json" }, headers)
    assert.is_nil(code)
    assert.are.same({ method = "POST", path = "/things/a%2Fb%20c" }, route)
  end)

  it("needs them", function()
    for _, parameters in ipairs { {}, { Name = "" }, { Name = 7 } } do
      local body, err, code = paths.write(SERVICE, "Make", parameters)
      assert.is_nil(body)
      assert.are.equal("the parameter 'Name' must be text", err)
      assert.are.equal("InvalidParameter", code)
    end
    assert.are.equal("InvalidParameter", (select(3, paths.write(SERVICE, "Other", {}))))
  end)

  it("goes below the path of an endpoint", function()
    local at = { url = "https://host:1/base", path = "/base", host = "host:1" }
    local found = paths.place(at, { method = "POST", path = "/things/a" })
    assert.are.equal("https://host:1/base/things/a", found.url)
    assert.are.equal("/base/things/a", found.path)
    found = paths.place({ url = "https://host/", path = "/" }, { path = "/things/a" })
    assert.are.equal("https://host/things/a", found.url)
    assert.are.equal("/base", at.path)
  end)
end)
