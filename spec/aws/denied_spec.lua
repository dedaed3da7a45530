local denied = require "watchbot.aws.denied"

local WHO = "User: arn:aws:sts::1:assumed-role/worker/i-1 is not authorized to perform: "

local function words(action, rest, service)
  return ("%s: %s%s on resource: arn:aws:sqs:eu-west-1:1:jobs %s (AccessDenied, HTTP 403, request "
    .. "r-1)"):format(
    service or "sqs:ReceiveMessage", WHO, action, rest)
end

describe("a call that is not allowed", function()
  it("is known by the codes of all protocols", function()
    for _, code in ipairs { "AccessDenied", "AccessDeniedException", "AuthorizationError",
    "KmsAccessDenied",
      "KMSAccessDenied" } do
      assert.is_true(denied.is(code))
    end
    assert.is_false(denied.is "Throttling")
    assert.is_false(denied.is(nil))
  end)

  it("is told with the action that is missing", function()
    assert.are.same({ "the credentials do not allow 'sqs:ReceiveMessage' on the queue: add the "
      .. "action to the role's policy",
      "NotAllowed" }, { denied.message("sqs:ReceiveMessage", "the queue") })
    assert.are.equal("the credentials do not allow 'ecs:ListTasks': add the action to the role's "
      .. "policy",
      (denied.message "ecs:ListTasks"))
  end)

  -- "explicit deny in a VPC endpoint policy" became "add the action to the role's policy", and
  -- neither the principal nor the request's id was left.
  for rest, advice in pairs {
    ["with an explicit deny in a VPC endpoint policy"] =
      "a statement of the VPC endpoint policy denies it, and no other can allow it",
    ["with an explicit deny in a service control policy"] =
      "a statement of the service control policy denies it, and no other can allow it",
    ["with an explicit deny in an identity-based policy"] =
      "a statement of the identity-based policy denies it, and no other can allow it",
    ["because no identity-based policy allows the sqs:ReceiveMessage action"] =
      "add the action to the role's policy",
    ["because no resource-based policy allows the sqs:ReceiveMessage action"] =
      "add the action to the policy of the resource",
    ["because no permissions boundary allows the sqs:ReceiveMessage action"] =
      "add the action to the permissions boundary",
    ["because no session policy allows the sqs:ReceiveMessage action"] =
      "add the action to the session policy",
    ["because no VPC endpoint policy allows the sqs:ReceiveMessage action"] =
      "add the action to the VPC endpoint policy",
    [""] = "add the action to the role's policy",
  } do
    it("is told with the policy to look at: " .. advice, function()
      local err, code =
        denied.message("sqs:ReceiveMessage", "the queue", words("sqs:ReceiveMessage", rest))
      assert.are.equal("NotAllowed", code)
      assert.are.equal(("the credentials do not allow 'sqs:ReceiveMessage' on the queue: %s; AWS "
        .. "says: %s"):format(advice,
        words("sqs:ReceiveMessage", rest):match "^%S+ (.*)"), err)
    end)
  end

  it("is told with the action that AWS names: RunTask needs iam:PassRole too", function()
    assert.matches("^the credentials do not allow 'iam:PassRole': ",
      (denied.message("ecs:RunTask", nil, words("iam:PassRole", "because", "ecs:RunTask"))))
    assert.matches("^the credentials do not allow 'sns:Publish': ",
      (denied.message("sns:Publish", nil, words("SNS:Publish", "because", "sns:Publish"))))
  end)

  it("is told with the key that is missing, where it is KMS that refuses", function()
    assert.matches("allow kms:Decrypt and kms:GenerateDataKey on the key that encrypts it",
      (denied.message(
      "sqs:SendMessage", "q",
      "sqs:SendMessage: The caller doesn't have the required KMS access. (KmsAccessDenied, HTTP "
        .. "400)")),
      1, true)
  end)
end)
