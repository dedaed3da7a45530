local cjson = require "cjson"
local saved = require "watchbot.message.saved"

local function again(message)
  local line = saved.encode(message)
  assert.is_nil(line:find "\n")
  assert.is_truthy(utf8.len(line))
  return assert(saved.decode(line)), cjson.decode(line)
end

describe("a saved message", function()
  it("has its text readable, with where it comes from", function()
    local message, object = again {
      id = "i", body = "t\u{ef}le\n\0", subject = "s", group = "g", deduplication = "d",
      receives = 3, sent = 1469664757000, trace = "Root=1-5759e988-bd862e3fe1be46a994272793",
      first_received = 1469664758000, died = 1469664759000, attributes = {
        zoom = { type = "Number", value = "7" },
      },
    }
    assert.are.same({
      id = "i", body = "t\u{ef}le\n\0", subject = "s", group = "g", deduplication = "d",
      trace = "Root=1-5759e988-bd862e3fe1be46a994272793",
      attributes = { zoom = { type = "Number", value = "7" } },
    }, message)
    assert.are.equal("t\u{ef}le\n\0", object.body)
    assert.are.equal("2016-07-28T00:12:37.000Z", object.sent)
    assert.are.equal(3, object.receives)
  end)

  it("has what is no text as base64, whatever it is in", function()
    local message, object = again {
      body = "\xff", subject = "\xfe", attributes = {
        ["\xfd"] = { type = "Binary\xfc", value = "\xfb" },
      },
    }
    assert.are.same({
      body = "\xff", subject = "\xfe", attributes = {
        ["\xfd"] = { type = "Binary\xfc", value = "\xfb" },
      },
    },
      message)
    assert.are.equal("/w==", object.body_base64)
    assert.is_nil(object.body)
  end)

  -- A letter that was saved and sent again went behind all others.
  it("keeps the priority of an embedded queue, where it has one", function()
    assert.are.equal(-7, (again { body = "x", priority = -7 }).priority)
    assert.is_nil(select(2, again { body = "x", priority = 0 }).priority)
    for _, priority in ipairs { "101", "-101", "1.5", '"5"', "true" } do
      local message, problem = saved.decode(('{"body":"x","priority":%s}'):format(priority))
      assert.is_nil(message)
      assert.are.equal("'priority' is not a whole number from -100 to 100", problem)
    end
  end)

  it("may be written by hand, with nulls", function()
    assert.are.same({ body = "x", attributes = {} },
      saved.decode '{"body":"x","subject":null,"attributes":null}')
  end)

  it("is refused with what is wrong", function()
    for line, problem in pairs {
      ["nonsense"] = "not a JSON object", ["7"] = "not a JSON object", ["{}"] = "it has no 'body'",
      ['{"body":{}}'] = "'body' is not text",
      ['{"body":"x","attributes":7}'] = "'attributes' is not an object",
      ['{"body":"x","attributes":{"a":{"type":"String"}}}'] =
        "attribute 'a': type or value is missing",
      ['{"body":"x","attributes":{"a":{"type":"Binary","value_base64":"*"}}}'] =
        "'value_base64' is not base64",
      ['{"body":"x","attributes_base64":{"*":{"type":"String","value":"v"}}}'] = "attribute",
    } do
      local message, why = saved.decode(line)
      assert.is_nil(message)
      assert.is_truthy(why:find(problem, 1, true), why)
    end
  end)
end)
