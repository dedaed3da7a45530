local redact = require "watchbot.aws.redact"

local SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
local TOKEN = "IQoJb3JpZ2luX2VjEHwaCXVzLWVhc3QtMSJHMEUCIQD+8kz/4h2Vx0Jq7m3=="

describe("redact", function()
  -- Only exact copies were known, so a proxy that wrote the secret in small letters gave it away.
  describe("hides a secret that is repeated", function()
    local function percent(text)
      return (text:gsub("%W", function(byte) return ("%%%02X"):format(byte:byte()) end))
    end
    for form, text in pairs {
      ["as it is"] = SECRET,
      ["percent-encoded"] = percent(SECRET),
      ["percent-encoded in small letters"] = percent(SECRET):lower(),
      ["percent-encoded twice"] = percent(percent(SECRET)),
      ["with escaped slashes"] = SECRET:gsub("/", "\\/"),
      ["escaped for JSON"] =
        SECRET:gsub("%p", function(byte) return ("\\u%04x"):format(byte:byte()) end),
      ["escaped for HTML"] =
        SECRET:gsub("%p", function(byte) return ("&#x%02X;"):format(byte:byte()) end),
      ["with a blank for each plus"] = SECRET:gsub("%+", " "),
      ["in small letters"] = SECRET:lower(),
      ["in capitals"] = SECRET:upper(),
      ["over several lines"] = SECRET:gsub(("."):rep(10), "%0\n  "),
      ["in quotes"] = "'" .. SECRET .. "'",
      ["without its end"] = SECRET:sub(1, 20),
      ["without its beginning"] = SECRET:sub(-20),
    } do
      it(form, function()
        local hidden = redact.hide("The key " .. text .. " is wrong, says the proxy.", { SECRET })
        assert.matches("^The key .*%[hidden%].* is wrong, says the proxy%.$", hidden)
        local letters = hidden:gsub("%W", ""):lower()
        for at = 1, #SECRET - 7 do
          local row = SECRET:gsub("%W", ""):lower():sub(at, at + 7)
          if #row == 8 then assert.is_nil(letters:find(row, 1, true)) end
        end
      end)
    end
  end)

  it("hides every one of several, each time", function()
    assert.are.equal("a [hidden] b [hidden] c [hidden]",
    redact.hide(("a %s b %s c %s"):format(SECRET, TOKEN, SECRET),
      { SECRET, TOKEN }))
  end)

  it("hides the request that a signature was made of", function()
    assert.are.equal("No. ",
      redact.hide("No. The Canonical String for this request should have been\nx", {}))
    assert.are.equal("got [hidden]",
      redact.hide("got AWS4-HMAC-SHA256 Credential=AKID, Signature=0123", {}))
  end)

  it("leaves everything else as it is", function()
    local text = "User: arn:aws:sts::123456789012:assumed-role/worker/i-0123456789abcdef0 is not "
      .. "authorized "
      .. "(50%25 \\u00e9 &amp;)"
    assert.are.equal(text, redact.hide(text, { SECRET, TOKEN, "short", "" }))
    assert.are.equal("abc", redact.hide("abc", { "abc" }))
  end)

  it("hides a short secret where it stands as it is, or percent-encoded", function()
    assert.are.equal("got [hidden] and [hidden]", redact.hide("got se/cr+et= and se%2Fcr%2Bet%3D", {
      "se/cr+et=",
    }))
  end)
end)
