local testing = require "watchbot.testing"

describe("the example poison", function()
  local w

  before_each(function() w = testing.watch "doc/examples/poison/policy.lua" end)
  after_each(function() w:close() end)

  it("sends what has failed three times to the side queue, then deletes it", function()
    w:message "tile 7"
    for _ = 1, 2 do
      assert.are.equal("retry", w:exits(1))
      assert.are.same({}, w:calls())
      w:advance(w:backoff())
    end
    assert.are.equal("complete", w:exits(1))
    local sent = w:calls()[1].parameters
    assert.are.equal("sqlite:poison.db", sent.url)
    assert.are.same({ "tile 7", "exit code 1" },
      { sent.messages[1].body, sent.messages[1].attributes.Reason.value })
  end)

  it("keeps a message that the side queue did not take", function()
    w:answer("queue:send", function() error "the disk is full" end)
    w:message { "tile 7", receives = 3 }
    assert.are_not.equal("complete", w:exits(1))
    assert.are_not.equal("deleted", w:state())
  end)
end)
