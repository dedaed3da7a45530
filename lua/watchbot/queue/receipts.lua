--- queue.receipts: what the codes say that a queue gives for a receipt handle.

local receipts = {}

-- Codes of a receipt handle that is good for nothing any more; trying it again cannot help. SQS
-- calls one that is too old an invalid value of the parameter.
local expired = {
  ReceiptHandleIsInvalid = true, MessageNotInflight = true, InvalidParameterValue = true,
}

--- Whether a code means that the receipt handle has expired.
---@param code string?
---@return boolean
function receipts.is_expired(code)
  return expired[code] == true
end

return receipts
