-- The texts are those of AWS's own libraries: Java's serialization has no blanks, Python's has;
-- version 1 of the Java library had other names.

local pointer = require "watchbot.overflow.pointer"

local SIZE = { type = "Number", value = "300000" }
local NOW, OLD = { ExtendedPayloadSize = SIZE }, { SQSLargePayloadSize = SIZE }
local AT = { bucket = "big-messages", key = "6e3a5d10-8d4a-4a5e-9d22-2f3f0a8f3c11" }

describe("a pointer", function()
  for name, case in pairs {
    Java = { '["software.amazon.payloadoffloading.PayloadS3Pointer",{"s3BucketName":'
      .. '"big-messages","s3Key":"6e3a5d10-8d4a-4a5e-9d22-2f3f0a8f3c11"}]', NOW },
    Python = { '["software.amazon.payloadoffloading.PayloadS3Pointer", {"s3BucketName": '
      .. '"big-messages", "s3Key": "6e3a5d10-8d4a-4a5e-9d22-2f3f0a8f3c11"}]', NOW },
    ["Java, version 1"] = { '["com.amazon.sqs.javamessaging.MessageS3Pointer",{"s3BucketName":'
      .. '"big-messages","s3Key":"6e3a5d10-8d4a-4a5e-9d22-2f3f0a8f3c11"}]', OLD },
    ["Python, with the legacy attribute"] = {
      '["com.amazon.sqs.javamessaging.MessageS3Pointer", {"s3BucketName": "big-messages", '
      .. '"s3Key": "6e3a5d10-8d4a-4a5e-9d22-2f3f0a8f3c11"}]', OLD },
  } do
    it("is read as " .. name .. " writes it", function()
      assert.are.same(AT, pointer.read(case[1], case[2]))
    end)
  end

  it("is written as the Java library reads it", function()
    local text = pointer.write(AT)
    assert.are.equal('["software.amazon.payloadoffloading.PayloadS3Pointer",{"s3BucketName":'
      .. '"big-messages","s3Key":"6e3a5d10-8d4a-4a5e-9d22-2f3f0a8f3c11"}]', text)
    local attributes = pointer.mark({ kind = { type = "String", value = "tile" } }, 1 << 20)
    assert.are.same({ type = "Number", value = "1048576" }, attributes.ExtendedPayloadSize)
    assert.are.equal("tile", attributes.kind.value)
    assert.are.same(AT, pointer.read(text, attributes))
    pointer.strip(attributes)
    assert.are.same({ kind = { type = "String", value = "tile" } }, attributes)
  end)

  -- A message may look like a pointer and be none: its text alone makes no request.
  it("is a message with the attribute, of this form, and nothing else", function()
    local text = pointer.write(AT)
    assert.is_nil(pointer.read(text, {}))
    assert.is_nil(pointer.read(text, { ExtendedPayload = SIZE }))
    for _, other in ipairs {
      "", "[", "[]", "{}", "null", '"text"',
      '["software.amazon.payloadoffloading.PayloadS3Pointer"]',
      '["java.lang.Runtime",{"s3BucketName":"big-messages","s3Key":"k"}]',
      (text:gsub("big%-messages", "evil/../x")), (text:gsub("big%-messages", "a@b")),
      (text:gsub('"big%-messages"', "{}")), (text:gsub('"6e3a.*11"', "7")),
      (text:gsub('"6e3a.*11"', '""')), (text:gsub('"6e3a.*11"', '"\\u0000"')),
      (text:gsub(',{.*', ",null]")), ("["):rep(200),
    } do
      assert.is_nil(pointer.read(other, NOW), other)
    end
  end)

  it("says how many bytes were stored, if it does", function()
    local function of(value) return pointer.bytes { ExtendedPayloadSize = { value = value } } end
    assert.are.same({ 8, 8, 0 }, { of "8", of "8.0", of "0" })
    assert.are.equal(9, pointer.bytes { SQSLargePayloadSize = { value = "9" } })
    for _, value in ipairs { "", "x", "1.5", "1e300" } do assert.is_nil(of(value)) end
    assert.is_nil(pointer.bytes {})
  end)
end)
