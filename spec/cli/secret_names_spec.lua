-- Which variables hold a secret.
local secret_names = require "watchbot.cli.secret_names"

describe("cli.secret_names", function()
  it("knows secrets by their names", function()
    for _, name in ipairs {
      "DB_PASSWORD", "apiKey", "GITHUB_TOKEN", "client-secret", "AWS_SECRET_ACCESS_KEY", "PGPASSWD",
    } do
      assert.is_true(secret_names.is(name), name)
    end
    for _, name in ipairs {
      "PARTITION_KEY", "Key", "TOKEN_FILE", "MAX_TOKENS", "SECRETARY", "PASSWORD_LENGTH", "",
    } do
      assert.is_false(secret_names.is(name), name)
    end
  end)

  it("knows them by their values, where the value is in the text of the policy", function()
    local values = {
      ID = "AKIA" .. "ABCDEFGHIJKLMNOP", DATABASE = "postgres://u:p4ss@db/x", PLAIN = "AKIA",
      PEM = "-----BEGIN PRIVATE KEY-----\nx", PASSWORD = "arn:aws:secretsmanager:x",
      TOKEN = "/run/secrets/token", SECRET = "",
    }
    local texts = {}
    for _, value in pairs(values) do texts[value] = true end
    assert.are.same({ "DATABASE", "ID", "PEM" }, secret_names.written(values, texts))
    assert.are.same({}, secret_names.written(values, {}))
  end)
end)
