local chain = require "support.chain"
local core = require "watchbot.core"
local sign_in = require "watchbot.aws.provider.sign_in"

describe("the cache of a sign-in", function()
  before_each(chain.open)
  after_each(chain.close)

  it("is replaced as a whole, and only its owner may read it", function()
    local path = chain.write("token.json", '{"old": 1}')
    assert(os.execute("chmod 644 " .. path))
    assert(sign_in.write(path, { accessToken = "t", expiresAt = "2100-01-01T00:00:00Z" }))
    assert.are.equal(tonumber("600", 8), core.file.status(path).mode)
    assert.are.same({ accessToken = "t", expiresAt = "2100-01-01T00:00:00Z" }, sign_in.read(path))
    assert.is_nil(io.popen("ls " .. chain.folder .. "/.aws"):read("a"):find "json%.")
  end)

  it("is left as it was when it cannot be written", function()
    local ok, err, code = sign_in.write(chain.folder .. "/no/token.json", {})
    assert.are.same({ nil, "ENOENT" }, { ok, code })
    assert.matches("could not write", err)
  end)

  it("is an object of JSON, or an error", function()
    for _, text in ipairs { "", "[]", "1", "{", "null" } do
      local content, why = sign_in.read(chain.write("token.json", text))
      assert.are.same({ nil, "it is not JSON" }, { content, why })
    end
    local content, why = sign_in.read(chain.folder .. "/no")
    assert.are.same({ nil, "no such file or directory" }, { content, why })
  end)
end)
