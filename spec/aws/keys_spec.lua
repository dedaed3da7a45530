local keys = require "watchbot.aws.keys"

describe("keys", function()
  it("do not show their secrets", function()
    local one = assert(keys.new({ access_key = "AKIDEXAMPLE1", secret_key = "very",
      token = "secret" }, "environment"))
    assert.are.equal("AWS credentials of environment (access key ...PLE1)", tostring(one))
  end)

  it("are refused when one is missing or could break out of a header, without being quoted",
    function()
    for expected, values in pairs {
      ["x: missing access key"] = { secret_key = "s" },
      ["x: missing secret key"] = { access_key = "a", secret_key = "" },
      ["x: the secret key has a space or a line break in it"] = {
        access_key = "a", secret_key = "hidden\n",
      },
      ["x: the session token has a space or a line break in it"] = {
        access_key = "a", secret_key = "s", token = "a\r\nb: c",
      },
      ["x: the access key has a space or a line break in it"] = {
        access_key = "a b", secret_key = "s",
      },
    } do
      assert.are.same({ nil, expected, "BadCredentials" }, { keys.new(values, "x") })
    end
  end)

  it("are read from JSON of every source", function()
    local whole = assert(keys.from_json([[{
      "Code":"Success","AccessKeyId":"a","SecretAccessKey":"s","Token":"t",
      "Expiration":"2016-07-28T00:12:37Z","AccountId":"1"}]], "x"))
    assert.are.same({
      access_key = "a", secret_key = "s", token = "t", expires = 1469664757, account = "1",
      source = "x",
    },
      setmetatable(whole, nil))
    local one = assert(keys.from_json(
      [[{"AccessKeyId":"a","SecretAccessKey":"s","SessionToken":null,"Expiration":null}]], "x"))
    assert.is_nil(one.token)
    assert.is_nil(one.expires)
  end)

  it("never quote an answer that cannot be read", function()
    for json, expected in pairs {
      ["hidden"] = "x: the answer is not a JSON object",
      ['"hidden"'] = "x: the answer is not a JSON object",
      [""] = "x: the answer is not a JSON object",
      ['{"SecretAccessKey":"hidden"'] = "x: the answer is not a JSON object",
      ["[]"] = "x: missing access key",
      ['{"AccessKeyId":"a","SecretAccessKey":{"hidden":1}}'] = "x: missing secret key",
      ['{"AccessKeyId":"a","SecretAccessKey":"hidden","Expiration":"soon"}'] =
        "x: the Expiration is not a date in ISO 8601",
      ['{"Code":"AssumeRoleUnauthorizedAccess","Message":"hidden"}'] =
        "x: the response reports AssumeRoleUnauthorizedAccess",
      ['{"Code":"hidden hidden"}'] = "x: the response reports that it failed",
    } do
      assert.are.same({ nil, expected, "BadCredentials" }, { keys.from_json(json, "x") })
    end
  end)
end)
