local receipt = require "watchbot.queue.receipt"

describe("a receipt", function()
  it("has expired by the codes that say so, and by no others", function()
    for _, code in ipairs { "ReceiptHandleIsInvalid", "MessageNotInflight", "InvalidParameterValue" } do
      assert.is_true(receipt.is_expired(code))
    end
    for _, code in ipairs { "InternalError", "NotAllowed", "NoDeadLetterQueue", "Closed" } do
      assert.is_false(receipt.is_expired(code))
    end
    assert.is_false(receipt.is_expired(nil))
  end)
end)
