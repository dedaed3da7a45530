local aws = require "watchbot.aws"
local json = require "watchbot.lib.json"
local values = require "watchbot.progress.dynamodb.values"

describe("DynamoDB's values", function()
  it("are typed", function()
    for _, pair in ipairs {
      { "text", { S = "text" } }, { "", { S = "" } }, { true, { BOOL = true } },
      { false, { BOOL = false } },
      { 12, { N = "12" } }, { 0.5, { N = "0.5" } }, { 1e20, { N = "1e+20" } },
      { aws.null, { NULL = true } },
      { { 1, "b" }, { L = { { N = "1" }, { S = "b" } } } },
      { { a = { b = 1 } }, { M = { a = { M = { b = { N = "1" } } } } } },
      { {}, { M = {} } }, { aws.list {}, { L = {} } },
    } do
      local typed = values.encode(pair[1])
      assert.are.same(pair[2], typed)
      assert.are.same(pair[1], values.decode(typed))
    end
  end)

  it("keep integers exact, and lists lists", function()
    assert.are.equal("9223372036854775807", values.encode(math.maxinteger).N)
    assert.are.equal(math.maxinteger, values.decode { N = "9223372036854775807" })
    assert.are.equal("integer", math.type(values.decode { N = "250" }))
    assert.is_true(json.is_list(values.decode { L = {} }))
  end)

  it("have sets of numbers, which are lists here", function()
    assert.are.same({ NS = { "1", "250" } }, values.set { 1, 250 })
    assert.are.same({ 1, 250 }, values.decode { NS = { "1", "250" } })
  end)
end)
