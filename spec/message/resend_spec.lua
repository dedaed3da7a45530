local resend = require "watchbot.message.resend"

local NAME = "watchbot_deduplication_id"

describe("a message that is sent again", function()
  it("is the same but for its deduplication id, which becomes an attribute", function()
    local message = {
      id = "i", receipt = "r", body = "b", subject = "s", group = "g", deduplication = "d",
      receives = 3,
      attributes = { zoom = { type = "Number", value = "7" } },
    }
    assert.are.same({
      body = "b", subject = "s", group = "g",
      attributes = {
        zoom = { type = "Number", value = "7" }, [NAME] = { type = "String", value = "d" },
      },
    }, resend(message))
    assert.is_nil(message.attributes[NAME])
    assert.are.same({ body = "b", attributes = {} }, resend { body = "b" })
  end)

  it("keeps its trace", function()
    local header = "Root=1-5759e988-bd862e3fe1be46a994272793"
    local attributes = { traceparent = { type = "String", value = "t" } }
    assert.are.same({ body = "b", attributes = attributes, trace = header },
      resend { body = "b", attributes = attributes, trace = header })
  end)

  it("keeps the first id that it ever had", function()
    local first = { [NAME] = { type = "String", value = "first" } }
    assert.are.same(first,
      resend({ body = "b", deduplication = "second", attributes = first }).attributes)
  end)

  it("goes without its id where SQS would take no further attribute, or no more bytes", function()
    local ten = {}
    for index = 1, 10 do ten["a" .. index] = { type = "String", value = "v" } end
    assert.are.same(ten, resend({ body = "b", deduplication = "d", attributes = ten }).attributes)
    assert.are.same({},
      resend({ body = ("x"):rep(1024 * 1024), deduplication = "d", attributes = {} }).attributes)
  end)
end)
