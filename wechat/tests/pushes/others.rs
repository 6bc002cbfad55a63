//! The rows of events without types: accounts, user data, mini programs, cards, shops. Each is one line of the protocol
//! sheet with every element that it names.

use serde_json::{Value, json};

use super::row::{ACCOUNT, USER, event_body};

/// An event that is read from the tree.
pub(crate) struct Other {
    pub(crate) name: &'static str,
    /// Names of elements, each with its own text; or markup, if it begins with `<`.
    elements: &'static str,
}

const fn other(name: &'static str, elements: &'static str) -> Other {
    Other { name, elements }
}

pub(crate) fn rows() -> Vec<Other> {
    let mut rows = vec![
        other("user_info_modified", "openid appid"),
        other("user_authorization_revoke", "OpenID AppID RevokeInfo"),
        other("user_authorization_cancellation", "OpenID AppID"),
        other("qualification_verify_success", "ExpiredTime"),
        other("naming_verify_success", "ExpiredTime"),
        other("annual_renew", "ExpiredTime"),
        other("verify_expired", "ExpiredTime"),
        other("qualification_verify_fail", "FailTime FailReason"),
        other("naming_verify_fail", "FailTime FailReason"),
        other("user_enter_tempsession", "SessionFrom"),
        other("wxa_media_check", "isrisky extra_info_json appid trace_id status_code"),
        other("wxa_media_check", WXA_MEDIA_CHECK),
        other("weapp_audit_success", "SuccTime"),
        other("weapp_audit_fail", "Reason FailTime ScreenShot"),
        other("weapp_audit_delay", "Reason DelayTime"),
        other("debug_demo", "debug_str"),
        other("ENTER", ""),
        other("guide_qrcode_scan_event", GUIDE_SCAN),
    ];
    rows.extend(cards());
    rows
}

fn cards() -> Vec<Other> {
    vec![
        other("card_pass_check", "CardId"),
        other("card_not_pass_check", "CardId RefuseReason"),
        other(
            "user_get_card",
            "CardId IsGiveByFriend UserCardCode FriendUserName OuterId OldUserCardCode OuterStr IsRestoreMemberCard \
             IsRecommendByFriend UnionId",
        ),
        other("user_gifting_card", "CardId UserCardCode IsReturnBack FriendUserName IsChatRoom"),
        other("user_del_card", "CardId UserCardCode"),
        other(
            "user_consume_card",
            "CardId UserCardCode ConsumeSource LocationName StaffOpenId VerifyCode RemarkAmount OuterStr",
        ),
        other("user_pay_from_pay_cell", "CardId UserCardCode TransId LocationId Fee OriginalFee"),
        other("user_view_card", "CardId UserCardCode OuterStr"),
        other("user_enter_session_from_card", "CardId UserCardCode"),
        other("update_member_card", "CardId UserCardCode ModifyBonus ModifyBalance"),
        other("card_sku_remind", "CardId Detail"),
        other(
            "card_pay_order",
            "OrderId Status CreateOrderTime PayFinishTime Desc FreeCoinCount PayCoinCount RefundFreeCoinCount \
             RefundPayCoinCount OrderType Memo ReceiptInfo",
        ),
        other("submit_membercard_user_info", "CardId UserCardCode"),
        other("giftcard_pay_done", "PageId OrderId"),
        other("giftcard_send_to_friend", "PageId OrderId IsChatRoom IsReturnBack"),
        other("giftcard_user_accept", "PageId OrderId IsChatRoom"),
        other("card_merchant_check_result", "MerchantId IsPass Reason"),
        other("user_authorize_invoice", "SuccOrderId FailOrderId AppId Source"),
        other("cloud_invoice_invoiceresult_event", "fpqqlsh status nsrsbh"),
        other("merchant_order", "OrderId OrderStatus ProductId SkuInfo"),
        other("poi_check_notify", "UniqId PoiId Result Msg"),
        other("poi_check_notify", "UniqId PoiId Result msg"),
        other("WifiConnected", "ConnectTime ExpireTime VendorId PlaceId DeviceNo"),
        other("WifiConnected", "ConnectTime ExpireTime VendorId ShopId DeviceNo"),
        other("ShakearoundUserShake", SHAKE),
        other("user_scan_product", "KeyStandard KeyStr"),
        other("user_scan_product_enter_session", "KeyStandard KeyStr"),
        other("store_audit_info", "audit_id status reason"),
        other("open_product_spu_update", "OpenProductSpuUpdate"),
        other("xpay_goods_deliver_notify", "OutTradeNo"),
        other("trade_manage_remind_shipping", "transaction_id"),
        other("wxa_privacy_apply", "result_info"),
        other("never_heard_of", "Strange"),
    ]
}

const WXA_MEDIA_CHECK: &str = "<trace_id>t</trace_id><version>2</version>\
     <detail><strategy>a</strategy><errcode>0</errcode></detail><detail><strategy>b</strategy></detail>\
     <result><suggest>risky</suggest><label>20002</label></result>";
const GUIDE_SCAN: &str = "<GuideScanEvent><qrcode_guide_account>a</qrcode_guide_account>\
     <openid>o</openid><action>1</action></GuideScanEvent>";
const SHAKE: &str = "<ChosenBeacon><Uuid>u</Uuid><Major>1</Major><Minor>2</Minor><Distance>0.1</Distance></ChosenBeacon>\
     <AroundBeacons><AroundBeacon><Uuid>v</Uuid></AroundBeacon><AroundBeacon><Uuid>w</Uuid></AroundBeacon></AroundBeacons>";

impl Other {
    /// The body, with blanks around CDATA as the samples of cards have them.
    pub(crate) fn body(&self) -> String {
        if self.elements.starts_with('<') {
            return event_body(self.name, self.elements);
        }
        let elements = self.names().map(|name| format!("<{name}> <![CDATA[{name} 1]]>\n</{name}>"));
        event_body(self.name, &elements.collect::<String>())
    }

    /// What `fields` of the request are.
    pub(crate) fn fields(&self) -> Value {
        let mut fields = match self.elements {
            WXA_MEDIA_CHECK => json!({
                "trace_id": "t", "version": "2", "result": {"suggest": "risky", "label": "20002"},
                "detail": [{"strategy": "a", "errcode": "0"}, {"strategy": "b"}],
            }),
            GUIDE_SCAN => json!({
                "GuideScanEvent": {"qrcode_guide_account": "a", "openid": "o", "action": "1"},
            }),
            SHAKE => json!({
                "ChosenBeacon": {"Uuid": "u", "Major": "1", "Minor": "2", "Distance": "0.1"},
                "AroundBeacons": {"AroundBeacon": [{"Uuid": "v"}, {"Uuid": "w"}]},
            }),
            _ => self.names().map(|name| (name.to_owned(), json!(format!("{name} 1")))).collect(),
        };
        fields["ToUserName"] = json!(ACCOUNT);
        fields["FromUserName"] = json!(USER);
        fields["CreateTime"] = json!("1718000010");
        fields["MsgType"] = json!("event");
        fields["Event"] = json!(self.name);
        fields
    }

    /// The dedup key, as [`super::row::key_of`] gives it.
    pub(crate) fn key(&self) -> String {
        let card = if self.names().any(|name| name == "UserCardCode") { "UserCardCode 1" } else { "" };
        let rest = if self.elements.is_empty() { "" } else { "|#" };
        format!("e|main|{ACCOUNT}|{USER}|1718000010|{}|||{card}|{rest}", self.name.to_ascii_lowercase())
    }

    fn names(&self) -> impl Iterator<Item = &'static str> {
        self.elements.split_whitespace()
    }
}
