local receipts = require "watchbot.queue.receipts"

describe("a receipt", function()
  it("has expired by the codes that say so, and by no others", function()
    for _, code in ipairs { "ReceiptHandleIsInvalid", "MessageNotInflight",
      "InvalidParameterValue" } do
      assert.is_true(receipts.is_expired(code))
    end
    for _, code in ipairs { "InternalError", "NotAllowed", "NoDeadLetterQueue", "Closed" } do
      assert.is_false(receipts.is_expired(code))
    end
    assert.is_false(receipts.is_expired(nil))
  end)
end)
