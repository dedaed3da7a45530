local access = require "watchbot.console.access"

local function request(headers, method)
  local lower = {}
  for name, value in pairs(headers) do lower[name:lower()] = value end
  return {
    header = function(_, name) return lower[name:lower()] end,
    method = function() return method or "GET" end,
  }
end

describe("access to the console", function()
  local guarded
  before_each(function()
    guarded = assert(access.new { port = 8090, hosts = { "Console.example.org" } })
  end)

  -- DNS rebinding: the page of evil.example resolves its own name to 127.0.0.1 and reads what is
  -- there, with a Host that gives it away.
  it("is by names of this machine, and those that were allowed", function()
    for _, host in ipairs { "localhost:8090", "127.0.0.1", "[::1]:9000", "LOCALHOST",
      "console.example.org:443" } do
      assert.is_true(guarded:is_host(request { Host = host }), host)
    end
    for _, host in ipairs { "evil.example", "evil.example:8090", "127.0.0.1.evil.example",
      "localhost.evil.example", "localhost.", "127.0.0.1:8090:1", "127.1", "0.0.0.0", "2130706433",
      "localhost@evil.example", "localhost:8090/x", "localhost:", "", "[::1", "[::1]x",
      "xconsole.example.org" } do
      assert.is_false(guarded:is_host(request { Host = host }), host)
    end
    assert.is_false(guarded:is_host(request {}))
  end)

  it("is for pages of the same origin", function()
    local function is_foreign(origin, method, host)
      return guarded:is_foreign(request({ Host = host or "localhost:8090", Origin = origin },
        method))
    end
    assert.is_false(is_foreign("http://localhost:8090", "POST"))
    assert.is_false(is_foreign("https://console.example.org", "POST", "console.example.org"))
    assert.is_false(is_foreign(nil, "GET"))
    for _, origin in ipairs { "null", "http://evil.example", "http://localhost:9999",
      "http://localhost", "http://localhost:8090.evil.example", "http://127.0.0.1:8090",
      "file://", "http://localhost:8090/x", "ftp://localhost:8090", "" } do
      assert.is_true(is_foreign(origin, "POST"), origin)
      assert.is_true(is_foreign(origin, "GET"), origin)
    end
    assert.is_true(is_foreign(nil, "POST"))
  end)

  it("needs the cookie, whatever other cookies there are", function()
    local name, value = guarded:cookie_header():match "^([^=]+)=(%x+);"
    assert.are.equal("watchbot_8090", name)
    local function is_known(cookie) return guarded:is_known(request { Cookie = cookie }) end
    assert.is_true(is_known(name .. "=" .. value))
    assert.is_true(is_known(("a=b; %s=old; %s=%s;c=d"):format(name, name, value)))
    for _, cookie in ipairs { "", value, name .. "=", name .. "=" .. value:sub(1, -2),
      name .. "=" .. value .. "0", name .. "=" .. value:upper() .. "x", "x" .. name .. "=" .. value,
      name .. "=" .. guarded.token, name .. "=" .. guarded.stamp } do
      assert.is_false(is_known(cookie), cookie)
    end
    assert.is_false(guarded:is_known(request {}))
  end)

  it("keeps its cookie from scripts and other sites, and in its own path", function()
    assert.matches("; Path=/; HttpOnly; SameSite=Strict$", guarded:cookie_header())
    local within = assert(access.new { path = "/console" })
    assert.matches("^watchbot_socket=%x+; Path=/console;", within:cookie_header())
  end)

  it("has secrets that differ, from one start to the next as well", function()
    local other, seen = assert(access.new { port = 8090 }), {}
    for _, one in ipairs { guarded, other } do
      for _, name in ipairs { "token", "session", "stamp" } do
        assert.matches("^%x+$", one[name])
        assert.is_nil(seen[one[name]])
        assert.are.equal(64, #one[name])
        seen[one[name]] = true
      end
    end
    assert.is_true(guarded:is_token(guarded.token))
    assert.is_false(guarded:is_token(guarded.stamp))
    assert.is_false(guarded:is_token(nil))
    assert.is_false(guarded:is_stamp(nil))
  end)

  it("takes a chosen token that cannot be guessed, and fits into an address", function()
    assert.are.equal("abcdefghij-0123456789", assert(access.new {
      token = "abcdefghij-0123456789" }).token)
    for _, token in ipairs { "short", "", ("a b"):rep(10), ("ä"):rep(20), ("a\r\nb"):rep(10) } do
      assert.is_nil(access.new { token = token })
    end
  end)
end)
