import org.apache.rocketmq.acl.common.AclClientRPCHook;
import org.apache.rocketmq.acl.common.SessionCredentials;
import org.apache.rocketmq.remoting.RPCHook;

/**
 * What signs the requests of a program whose options are accessKey and secretKey; both may lack.
 */
final class Credentials {
    private Credentials() {
    }

    static RPCHook hook(Options options) {
        String accessKey = options.textOr("accessKey", null);
        if (accessKey == null) {
            return null;
        }
        return new AclClientRPCHook(new SessionCredentials(accessKey, options.text("secretKey")));
    }
}
