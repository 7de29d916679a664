"""Signatures against values computed by the vendors' own SDKs."""

from radbridge.notify.channels import aliyun_signature, tencent_signature


def test_acs3_signature_equals_the_vendors_for_a_masked_name():
    query = aliyun_signature.canonical_query(
        {
            "PhoneNumbers": "13800000000",
            "SignName": "影桥",
            "TemplateCode": "SMS_123456789",
            "TemplateParam": '{"name":"张*","code":"4370"}',
            "OutId": "n-1",
        }
    )
    headers = {
        "host": "dysmsapi.aliyuncs.com",
        "x-acs-action": "SendSms",
        "x-acs-version": "2017-05-25",
        "x-acs-date": "2025-01-01T00:00:00Z",
        "x-acs-signature-nonce": "nonce-1",
        "x-acs-content-sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    }

    signed = aliyun_signature.authorization("AKEXAMPLE", "SECRETEXAMPLE", query, headers)

    assert signed == (
        "ACS3-HMAC-SHA256 Credential=AKEXAMPLE,"
        "SignedHeaders=host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version,"
        "Signature=f7625c93f5acc9c3964474670bc17f18c79a776d25cdbbf57eabe2a8efe34d35"
    )


def test_rfc3986_encoding_of_the_characters_that_encoders_disagree_on():
    assert aliyun_signature.canonical_query({"b": "a b*~/+", "a": "-_."}) == "a=-_.&b=a%20b%2A~%2F%2B"


def test_tc3_signature_equals_the_vendors():
    body = (
        rb'{"PhoneNumberSet": ["+8613800000000"], "SmsSdkAppId": "1400006666", "TemplateId": "1110", '
        rb'"SignName": "\u5f71\u6865", "TemplateParamSet": ["4370"], "SessionContext": "n-1"}'
    )

    signed = tencent_signature.authorization(
        "AKIDEXAMPLE", "SECRETEXAMPLE", "sms.tencentcloudapi.com", body, 1735689600
    )

    assert signed == (
        "TC3-HMAC-SHA256 Credential=AKIDEXAMPLE/2025-01-01/sms/tc3_request, SignedHeaders=content-type;host, "
        "Signature=4823849d636fc04b1f91943f2d2434d6baa2ac18c6a52e7bef539447d2235c80"
    )
