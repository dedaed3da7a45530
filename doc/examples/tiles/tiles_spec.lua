-- The stack is checked as a user would check it.
local cjson = require "cjson"
local shell = require "support.shell"

local HERE = "doc/examples/tiles/"

describe("the example tiles", function()
  it("is a template without problems", function()
    local out, code =
      shell.run(("%s/watchbot template --check %sstack.lua 2>&1"):format(shell.build, HERE))
    assert.are.equal(0, code, out)
  end)

  it("lets its tasks write into its bucket", function()
    local template =
      cjson.decode((shell.run(("%s/watchbot template %sstack.lua"):format(shell.build, HERE))))
    assert.are.equal("AWS::S3::Bucket", template.Resources.Bucket.Type)
    assert.matches('"s3:PutObject"', cjson.encode(template))
    assert.is_table(template.Outputs.Topic)
  end)
end)
