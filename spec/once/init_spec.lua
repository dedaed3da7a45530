-- The form in which the key of a message that is to run once is stored.

local attributes = require "watchbot.message.attributes"
local once = require "watchbot.once"
local resend = require "watchbot.message.resend"

describe("a key of once", function()
  it("is kept as it is where people can read it", function()
    for _, key in ipairs { "order-17", "Größe 3", (" "):rep(512) } do
      assert.are.equal(key, once.stored(key))
    end
  end)

  -- A key of DynamoDB has at most 2048 bytes, of UTF-8; a key may be a whole body.
  it("is hashed where a table could not have it", function()
    local seen = {}
    for _, key in ipairs { ("x"):rep(513), ("x"):rep(100000), "\xff", "a\0b", "a\nb" } do
      local stored = once.stored(key)
      assert.matches("^sha256:%x+$", stored)
      assert.are.equal(7 + 64, #stored)
      assert.is_nil(seen[stored])
      seen[stored] = true
    end
  end)

  it("that looks like a hash is no other key's", function()
    local stored = once.stored "\xff"
    assert.are_not.equal(stored, once.stored(stored))
  end)

  it("is the id, the body or the deduplication id of a message", function()
    local job, message = { id = "id-1", message = "text" }, { deduplication = "d-1" }
    assert.are.equal("id-1", once.WAYS.id(job, message))
    assert.are.equal("d-1", once.WAYS.deduplication(job, message))
    assert.is_nil(once.WAYS.deduplication(job, {}))
    -- printf text | sha256sum
    assert.are.equal("sha256:982d9e3eb996f559e633f4d194def3761d909f5a3b647d1a851fead67c32c9d1",
      once.WAYS.body(job, message))
  end)

  -- A message that was moved or replayed has a new deduplication id, or none: it was not known that
  -- its job was done.
  it("is the first deduplication id of a message that was sent again", function()
    local function key(message) return once.WAYS.deduplication({}, message) end
    local function with(value)
      return { [attributes.DEDUPLICATION] = { type = "String", value = value } }
    end
    assert.are.equal("d-1", key { attributes = with "d-1", deduplication = "watchbot-move-7" })
    assert.are.equal("d-1", key { attributes = with "d-1" })
    assert.are.equal("d-2", key { attributes = {}, deduplication = "d-2" })
    assert.is_nil(key { attributes = with "" })
    assert.are.equal("d-3", key(resend { body = "b", deduplication = "d-3" }))
  end)
end)
