-- IAM says "Syntax errors in policy" and no more, when half of the stack has been made.

local statement = require "watchbot.template.statement"
local cf = require "watchbot.template.cf"

local GOOD = { Effect = "Allow", Action = { "s3:GetObject" }, Resource = "arn:aws:s3:::tiles/*" }

local function with(more)
  local made = {}
  for name, value in pairs(GOOD) do made[name] = value end
  for name, value in pairs(more) do made[name] = value or nil end
  return made
end

describe("a statement of IAM", function()
  for expected, given in pairs {
    ["'Effect': expected one of 'Allow', 'Deny', got 'allow'"] = with { Effect = "allow" },
    ["'Effect' is missing"] = with { Effect = false },
    ["'Resource' is missing"] = with { Resource = false },
    ["'Action' is missing"] = with { Action = false },
    ["'Action' and 'NotAction' exclude each other"] = with { NotAction = "s3:*" },
    ["has no 'Principal'"] = with { Principal = "*" },
    ["unknown member 'action'; did you mean 'Action'?"] = with { action = "s3:*" },
    ["'Sid': expected letters and digits"] = with { Sid = "my sid" },
    ["'Action': expected an action like 's3:GetObject', or a list, got 'getobject'"] = with {
      Action = "getobject" },
    ["'Action': expected an action"] = with { Action = {} },
    ["'Resource': expected an ARN or '*'"] = with { Resource = "bucket/x" },
  } do
    it("is refused: " .. expected, function()
      local ok, err = statement.check(given)
      assert.is_false(ok)
      assert.matches(expected, err, 1, true)
    end)
  end

  it("may have lists, conditions, 'Not', and intrinsics for each value", function()
    for _, more in ipairs {
      {}, { Action = "*", Resource = "*" }, { Resource = cf.getatt("Bucket", "Arn") },
      { Resource = { cf.sub "${Bucket.Arn}/*", "arn:aws-cn:s3:::b" }, Sid = "Read1" },
      { Action = false, NotAction = "iam:*" }, { Resource = false, NotResource = "*" },
      { Effect = cf.if_("Live", "Allow", "Deny"), Condition = { Bool = { ["a:b"] = "true" } } },
      { Action = { "s3:Get*", "execute-api:Invoke" } },
      { Resource = "arn:aws:dynamodb:*:*:table/a" },
    } do
      assert.is_true((statement.check(with(more))))
    end
  end)
end)
