--- queue.receipts: the meaning of the error codes for receipt handles.

local receipts = {}

-- Codes of a receipt handle that is no longer valid, so a retry cannot succeed. SQS reports an
-- expired one as an invalid parameter value.
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
